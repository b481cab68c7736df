using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Shipinator.Schema.Queries;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Triggers.Runs;

/// <summary>Which jobs of the earlier run a rerun runs.</summary>
public enum RerunFrom
{
    /// <summary>All jobs.</summary>
    Start,

    /// <summary>Jobs that did not succeed, and jobs that run whatever the result of the others. Successful jobs are reused.</summary>
    Failed,
}

/// <summary>Runs the stored plan of an earlier run again.</summary>
public sealed partial class RunRerun(
    RunQueries runs,
    IGrainFactory grains,
    IRunLimits limits,
    RunReservations reservations,
    CommitStatuses statuses,
    ILogger<RunRerun> logger
)
{
    /// <summary>
    /// Creates a run from the plan of an earlier one. Errors: <see cref="NotFoundException"/>; <see cref="ConflictException"/>
    /// <c>run_not_ended</c>, <c>nothing_failed</c>, <c>idempotency_key_reused</c>; <see cref="RateLimitedException"/>.
    /// </summary>
    public async Task<TriggeredRun> CreateAsync(
        RunId earlier,
        RerunFrom from,
        Actor actor,
        string? idempotencyKey,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(actor);
        var before = await grains.GetGrain<IPipelineRunGrain>(earlier.Value).Get(cancellationToken);
        var key = RunReservations.Key(actor, earlier.ToString(), idempotencyKey);
        var fingerprint = $"rerun:{from == RerunFrom.Failed}";
        if (
            key is not null
            && (await reservations.LookUpAsync(before.RepositoryId, key, fingerprint, cancellationToken)).Existing is { } existing
        )
        {
            return existing;
        }

        if (!before.Life.IsTerminal)
        {
            throw new ConflictException(
                "run_not_ended",
                $"Run #{before.RunNumber} is {before.Life.Status.Word()}; only a run that has ended can be rerun."
            );
        }

        limits.TakeRun(actor, before.RepositoryId);
        var reused = from == RerunFrom.Failed ? await ReusedAsync(before, cancellationToken) : ImmutableDictionary<string, JobId>.Empty;
        var (reservation, exists) = await reservations.ReserveAsync(before.RepositoryId, key, fingerprint, cancellationToken);
        if (exists)
        {
            return new(reservation.RunId, IsRepeat: true);
        }

        await statuses.RegisterRerunAsync(before, reservation.RunId, cancellationToken);
        await grains
            .GetGrain<IPipelineRunGrain>(reservation.RunId.Value)
            .Create(
                new CreateRun
                {
                    PipelineId = before.PipelineId,
                    RepositoryId = before.RepositoryId,
                    ProjectId = before.ProjectId,
                    ProjectName = before.ProjectName,
                    RepositoryName = before.RepositoryName,
                    RunNumber = reservation.RunNumber,
                    Source = before.Source,
                    Executor = before.Executor,
                    Plan = before.Plan,
                    Actor = actor.ToString(),
                    RerunOf = earlier,
                    Reused = reused,
                    IdempotencyKey = idempotencyKey,
                },
                cancellationToken
            );
        Created(reservation.RunId, reservation.RunNumber, earlier, before.RunNumber, actor);
        return new(reservation.RunId, reservation.IsRepeat);
    }

    /// <summary>The jobs whose results are reused, by name.</summary>
    private async Task<ImmutableDictionary<string, JobId>> ReusedAsync(RunRecord before, CancellationToken cancellationToken)
    {
        var jobs = await runs.JobsAsync(before.Id, cancellationToken);
        var reused = jobs.Where(j => j.Status == Status.Success || j.ReusedFrom is not null)
            .ToImmutableDictionary(j => j.Name, j => j.ReusedFrom ?? j.Id);
        if (reused.Count == jobs.Count)
        {
            throw new ConflictException("nothing_failed", $"Run #{before.RunNumber} has no job that failed; rerun it from the start.");
        }

        // Jobs that run after the others, whatever their result, run after them again.
        return reused.RemoveRange(before.Plan.Jobs.Where(j => j.When is not null).Select(j => j.Name));
    }

    [LoggerMessage(4513, LogLevel.Information, "Created run {Run} (#{Number}) as a rerun of {Earlier} (#{EarlierNumber}) for {Actor}")]
    private partial void Created(RunId run, long number, RunId earlier, long earlierNumber, Actor actor);
}
