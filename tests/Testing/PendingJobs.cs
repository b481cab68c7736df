using System.Collections.Immutable;

namespace Shipinator.Testing;

/// <summary>The rows of a run's jobs and steps, all pending, for tests that write a run without its grain.</summary>
public static class PendingJobs
{
    public static ImmutableArray<JobRecord> Of(RunRecord run) =>
        [
            .. run.Jobs.Select(
                (job, position) =>
                    new JobRecord
                    {
                        Id = job.Id,
                        Spec = new()
                        {
                            RunId = run.Id,
                            ProjectId = run.ProjectId,
                            RepositoryId = run.RepositoryId,
                            RunNumber = run.RunNumber,
                            ProjectName = run.ProjectName,
                            RepositoryName = run.RepositoryName,
                            Source = run.Source,
                            Trigger = run.Plan.Trigger,
                            Executor = run.Executor,
                            Plan = run.Plan.Jobs[position],
                        },
                        Life = Lifecycle.Begin(Machine.Job, run.Life.CreatedAt),
                        Steps =
                        [
                            .. job.Steps.Select(
                                (id, index) =>
                                    new StepRecord
                                    {
                                        Id = id,
                                        JobAttempt = 1,
                                        Index = index,
                                        Life = Lifecycle.Begin(Machine.Step, run.Life.CreatedAt),
                                    }
                            ),
                        ],
                        ReusedFrom = job.ReusedFrom,
                    }
            ),
        ];

    /// <summary>The first line of the history of each job and step.</summary>
    public static IEnumerable<Transition> History(RunRecord run, ImmutableArray<JobRecord> jobs)
    {
        foreach (var job in jobs)
        {
            yield return Transition.Between(null, job.Life, job.Id.Value, run.Id, run.Actor)!;
            foreach (var step in job.Steps)
            {
                yield return Transition.Between(null, step.Life, step.Id.Value, run.Id, run.Actor)!;
            }
        }
    }
}
