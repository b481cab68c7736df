using System.Collections.Immutable;

namespace Shipinator.Grains.Runs;

/// <summary>
/// The initial rows of a run's jobs and steps. The run's grain writes them, because the grains of the jobs don't exist yet: pending, or
/// skipped when the result of an earlier run is reused.
/// </summary>
internal static class InitialJobs
{
    /// <summary>Creates the rows in the order of the plan and adds their first transitions to <paramref name="log"/>.</summary>
    public static ImmutableArray<JobRecord> Of(RunRecord run, TransitionLog log) =>
        [.. run.Jobs.Select((job, position) => Job(run, job, run.Plan.Jobs[position], log))];

    private static JobRecord Job(RunRecord run, RunJob job, JobPlan plan, TransitionLog log)
    {
        var outcome = RunLogic.InitialOutcome(job);
        return new()
        {
            Id = job.Id,
            Spec = Spec(run, plan),
            Life = Begin(Machine.Job, job.Id.Value, outcome, log),
            Steps =
            [
                .. job.Steps.Select(
                    (id, index) =>
                        new StepRecord
                        {
                            Id = id,
                            JobAttempt = 1,
                            Index = index,
                            Life = Begin(Machine.Step, id.Value, outcome, log),
                        }
                ),
            ],
            ReusedFrom = job.ReusedFrom,
        };
    }

    private static Lifecycle Begin(Machine machine, Guid id, JobOutcome outcome, TransitionLog log)
    {
        var life = log.Begin(machine, id);
        return outcome.Status == life.Status ? life : log.Move(life, id, outcome.Status, outcome.Reason, outcome.Detail);
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
            // The list may be long, is stored with the run's plan, and no job reads it.
            Trigger = run.Plan.Trigger with
            {
                ChangedFiles = (ImmutableArray<string>?)null,
            },
            Executor = run.Executor,
            Plan = plan,
        };
}
