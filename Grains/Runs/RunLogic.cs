using System.Collections.Immutable;

namespace Shipinator.Grains.Runs;

/// <summary>The rules of a run, without I/O: rows and outcomes in, rows and decisions out.</summary>
internal static class RunLogic
{
    /// <summary>The first row of a run: pending, with ids for all its jobs and steps.</summary>
    public static RunRecord Create(RunId id, CreateRun command, TransitionLog log, TimeProvider time) =>
        new()
        {
            Id = id,
            PipelineId = command.PipelineId,
            RepositoryId = command.RepositoryId,
            ProjectId = command.ProjectId,
            ProjectName = command.ProjectName,
            RepositoryName = command.RepositoryName,
            RunNumber = command.RunNumber,
            Source = command.Source,
            Executor = command.Executor,
            Plan = command.Plan,
            Jobs =
            [
                .. command.Plan.Jobs.Select(job => new RunJob
                {
                    Id = JobId.New(time),
                    Steps = [.. job.Steps.Select(_ => StepId.New(time))],
                    ReusedFrom = command.Reused.TryGetValue(job.Name, out var reused) ? reused : null,
                    ReuseNote = command.Reused.ContainsKey(job.Name)
                        ? "The job succeeded in the original run; its result and artifacts are reused."
                        : null,
                }),
            ],
            RerunOf = command.RerunOf,
            IdempotencyKey = command.IdempotencyKey,
            Actor = command.Actor,
            Note = command.Note,
            Life = log.Begin(Machine.Run, id.Value),
        };

    /// <summary>The outcome of a job when the run has just been created.</summary>
    public static JobOutcome InitialOutcome(RunJob job) =>
        job.ReusedFrom is null
            ? new(Status.Pending, null, null)
            : new(Status.Skipped, Reason.Condition, job.ReuseNote ?? "The result of an earlier run is reused.");

    /// <summary>
    /// What a running run does next: start jobs, skip jobs, or end. The jobs of a stage run in parallel; those that may run after a failure
    /// start when the others have ended. Any job that did not succeed fails the run, and later jobs are skipped unless they run after a
    /// failure.
    /// </summary>
    public static RunDecision Next(RunRecord run, IReadOnlyDictionary<JobId, JobOutcome> outcomes)
    {
        var blocked = default(string);
        foreach (var stage in Enum.GetValues<JobType>())
        {
            foreach (var isClosing in new[] { false, true })
            {
                var jobs = run
                    .Jobs.Select((j, i) => (Job: j, Plan: run.Plan.Jobs[i]))
                    .Where(j => j.Plan.Type == stage && IsClosing(j.Plan) == isClosing)
                    .ToImmutableArray();
                if (jobs.Any(j => !outcomes[j.Job.Id].Status.IsTerminal()))
                {
                    var pending = jobs.Where(j => outcomes[j.Job.Id].Status == Status.Pending).ToImmutableArray();
                    var runs = pending
                        .Where(j => blocked is null ? (j.Plan.When ?? StepCondition.OnSuccess).Success : isClosing)
                        .ToImmutableArray();
                    return new(
                        Start: [.. runs.Select(j => j.Job)],
                        Skip: [.. pending.Except(runs).Select(j => j.Job)],
                        SkipDetail: blocked ?? "The job runs only after a failure, and nothing failed.",
                        End: null
                    )
                    {
                        SkipReason = blocked is null ? Reason.Condition : Reason.DependencyFailed,
                    };
                }

                if (
                    blocked is null
                    && jobs.FirstOrDefault(j => outcomes[j.Job.Id].Status is Status.Failed or Status.Canceled) is { Job: { } broken }
                )
                {
                    blocked = $"The {JobName(run, broken)} job did not succeed.";
                }
            }
        }

        var failed = run.Jobs.FirstOrDefault(j => outcomes[j.Id].Status is Status.Failed or Status.Canceled);
        if (failed is not null)
        {
            var outcome = outcomes[failed.Id];
            return new(
                [],
                [],
                null,
                new(Status.Failed, outcome.Reason, $"{JobName(run, failed)}: {outcome.Detail ?? outcome.Status.Word()}")
            );
        }

        var nothingRan = run.Jobs.All(j => outcomes[j.Id].Status == Status.Skipped && j.ReusedFrom is null);
        return new(
            [],
            [],
            null,
            nothingRan
                ? new(Status.Success, Reason.Condition, run.Plan.SkipReason ?? "No job applies to this commit.")
                : new(Status.Success, null, null)
        );
    }

    /// <summary>Whether a job runs after the others of its stage: always, or only when one failed.</summary>
    public static bool IsClosing(JobPlan plan) => plan.When?.Failure == true;

    /// <summary>Whether a newer run may still supersede this one: not once a deploy job has started.</summary>
    public static bool MayBeSuperseded(RunRecord run, IReadOnlyDictionary<JobId, JobOutcome> outcomes) =>
        !run
            .Jobs.Where((_, i) => run.Plan.Jobs[i].Type == JobType.Deploy)
            .Any(j => outcomes[j.Id].Status is Status.Running or Status.Success);

    /// <summary>The detail of a run whose pipeline file can't be planned.</summary>
    public static string Describe(ImmutableArray<FileError> errors) =>
        errors.Length == 1 ? $"{errors[0]}" : $"{errors[0]} (and {errors.Length - 1} more)";

    /// <summary>The name of a job of the run.</summary>
    public static string JobName(RunRecord run, RunJob job) => run.Plan.Jobs[run.Jobs.IndexOf(job)].Name;
}

/// <summary>What a running run does next; when all are empty it waits.</summary>
internal sealed record RunDecision(ImmutableArray<RunJob> Start, ImmutableArray<RunJob> Skip, string? SkipDetail, JobOutcome? End)
{
    /// <summary>Why <see cref="Skip"/> is skipped.</summary>
    public Reason SkipReason { get; init; } = Reason.DependencyFailed;
}
