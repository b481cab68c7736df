using System.Collections.Immutable;

namespace Shipinator.Schema.Storage;

/// <summary>
/// The rows of a run's jobs and steps, which the run's first write adds in the same transaction, so that no run is ever without them.
/// What the rows hold is decided by the run's grain; their order is the plan's.
/// </summary>
internal sealed record InitialRows(List<JobRow> Jobs, List<StepRow> Steps)
{
    /// <summary>Errors: <see cref="InvalidInputException"/> <c>run_plan</c> when they are not the run's jobs and steps.</summary>
    public static InitialRows Of(RunRecord run, ImmutableArray<JobRecord> jobs)
    {
        if (!jobs.Select(j => j.Id).SequenceEqual(run.Jobs.Select(j => j.Id)) || jobs.Length != run.Plan.Jobs.Length)
        {
            throw Mismatch(run, $"its plan has {run.Plan.Jobs.Length} jobs and the run {run.Jobs.Length}, but {jobs.Length} were given");
        }

        for (var i = 0; i < jobs.Length; i++)
        {
            if (!jobs[i].Steps.Select(s => s.Id).SequenceEqual(run.Jobs[i].Steps) || jobs[i].Steps.Length != run.Plan.Jobs[i].Steps.Length)
            {
                throw Mismatch(
                    run,
                    $"job '{run.Plan.Jobs[i].Name}' has {run.Plan.Jobs[i].Steps.Length} steps in the plan, but {jobs[i].Steps.Length} "
                        + $"were given"
                );
            }
        }

        return new(
            [.. jobs.Select((job, position) => new JobRow(job, 0, position, PlanJson.Serialize(job.Spec)))],
            [.. jobs.SelectMany(StepRows)]
        );
    }

    public static List<StepRow> StepRows(JobRecord job) => [.. job.Steps.Select(s => new StepRow(s, job.Id, job.Spec.Plan.Steps[s.Index]))];

    private static InvalidInputException Mismatch(RunRecord run, string what) =>
        new("run_plan", $"The first write of run {run.Id} must hold the rows of its jobs and steps: {what}.");
}
