using System.Collections.Immutable;

namespace Shipinator.Schema.Storage;

/// <summary>The rows of a run's jobs and steps as they are when the run is made, with the first lines of their history.</summary>
internal sealed record Planting(List<JobRow> Jobs, List<StepRow> Steps, List<Transition> Transitions)
{
    /// <summary>Errors: <see cref="InvalidInputException"/> when the run's jobs do not fit its plan.</summary>
    public static Planting Of(RunRecord run)
    {
        if (run.Jobs.Length != run.Plan.Jobs.Length)
        {
            throw Unfitting(run, $"{run.Jobs.Length} jobs for a plan of {run.Plan.Jobs.Length}");
        }

        var planting = new Planting([], [], []);
        for (var i = 0; i < run.Jobs.Length; i++)
        {
            planting.Add(run, run.Jobs[i], run.Plan.Jobs[i], i);
        }

        return planting;
    }

    public static List<StepRow> StepRows(JobRecord job) => [.. job.Steps.Select(s => new StepRow(s, job.Id, job.Spec.Plan.Steps[s.Index]))];

    private static InvalidInputException Unfitting(RunRecord run, string what) =>
        new("run_plan", $"Run {run.Id} does not fit its plan: {what}.");

    private void Add(RunRecord run, RunJob job, JobPlan plan, int position)
    {
        if (job.Steps.Length != plan.Steps.Length)
        {
            throw Unfitting(run, $"job '{plan.Name}' has {job.Steps.Length} steps for a plan of {plan.Steps.Length}");
        }

        Lifecycle Begin(Machine machine, Guid id)
        {
            var at = run.Life.CreatedAt;
            var life = Lifecycle.Begin(machine, at);
            Transitions.Add(Transition.Between(null, life, id, run.Id, run.Actor)!);
            if (job.ReusedFrom is null)
            {
                return life;
            }

            var skipped = life.MoveTo(Status.Skipped, at, Reason.Condition, job.ReuseNote ?? "An earlier run's result stands for it.");
            Transitions.Add(Transition.Between(life, skipped, id, run.Id, run.Actor)!);
            return skipped;
        }

        var record = new JobRecord
        {
            Id = job.Id,
            Spec = Spec(run, plan),
            Life = Begin(Machine.Job, job.Id.Value),
            Steps =
            [
                .. job.Steps.Select(
                    (id, index) =>
                        new StepRecord
                        {
                            Id = id,
                            JobAttempt = 1,
                            Index = index,
                            Life = Begin(Machine.Step, id.Value),
                        }
                ),
            ],
            ReusedFrom = job.ReusedFrom,
        };
        Jobs.Add(new(record, 0, position, PlanJson.Serialize(record.Spec)));
        Steps.AddRange(StepRows(record));
    }

    private static JobSpec Spec(RunRecord run, JobPlan plan) =>
        new()
        {
            RunId = run.Id,
            ProjectId = run.ProjectId,
            RepositoryId = run.RepositoryId,
            RunNumber = run.RunNumber,
            ProjectName = run.ProjectName,
            RepositoryName = run.RepositoryName,
            Source = run.Source,
            Trigger = run.Plan.Trigger with { ChangedFiles = (ImmutableArray<string>?)null },
            Executor = run.Executor,
            Plan = plan,
        };
}
