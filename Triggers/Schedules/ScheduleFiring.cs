using Microsoft.Extensions.Logging;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Runs;

namespace Shipinator.Triggers.Schedules;

/// <summary>
/// Creates the runs of due times. Any number of silos may do so for the same due time, and stop at any moment: the idempotency key of the
/// due time gives it one run, and only one of them moves the schedule on. Due times that passed while no server was available have one run
/// together.
/// </summary>
public sealed partial class ScheduleFiring(
    ScheduleStore schedules,
    DueTimeStore times,
    RepositoryStore repositories,
    RunTrigger trigger,
    TimeProvider time,
    ILogger<ScheduleFiring> logger
) : IScheduleFiring
{
    /// <inheritdoc/>
    public Task<IReadOnlyList<DueSchedule>> Due(
        int most,
        IReadOnlyCollection<ScheduleId> except,
        IReadOnlyCollection<RepositoryId> exceptOf,
        CancellationToken cancellationToken
    ) => times.DueAsync(most, except, exceptOf, cancellationToken);

    /// <inheritdoc/>
    public Task<DateTimeOffset?> Earliest(IReadOnlyCollection<ScheduleId> except, CancellationToken cancellationToken) =>
        times.EarliestAsync(except, cancellationToken);

    /// <inheritdoc/>
    public async Task Fire(DueSchedule schedule, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        var row = await schedules.GetAsync(schedule.Id, cancellationToken);
        var now = time.GetUtcNow();
        var due = schedule.DueAt;
        if (row is null || row.NextAt != due || due > now)
        {
            // Since it was listed, it was taken, switched off, changed or removed, or the clock was set back.
            return;
        }

        try
        {
            var known = ScheduleTimes.Of(row.Cron, row.TimeZone, row.RepositoryId);
            var skipped = known.Count(due, now, LateNote.MostSkipped);
            var note = LateNote.Of(due, now, skipped, row.Attempts > 0 ? row.Failure : null);
            var run = await RunAsync(row, due, note, cancellationToken);
            if (await times.AdvanceAsync(row.Id, due, known.Next(Later(now, due)), run, note, cancellationToken))
            {
                Fired(row.Id, row.RepositoryId, due, run);
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            await FailedAsync(row, due, e, cancellationToken);
        }
    }

    /// <summary>The run of the due time: an existing one, or a new one.</summary>
    private async Task<RunId> RunAsync(ScheduleRow row, DateTimeOffset due, string? note, CancellationToken cancellationToken)
    {
        var key = ScheduledRun.Key(row.Id, due);
        // The repository's grain remembers keys for a day, but the servers may have been away for longer.
        if (await times.FindRunAsync(row.RepositoryId, key, cancellationToken) is { } existing)
        {
            return existing;
        }

        var repository =
            await repositories.GetAsync(row.RepositoryId, cancellationToken)
            ?? throw new NotFoundException("repository", row.RepositoryId.ToString());
        var run = await trigger.CreateAsync(
            row.RepositoryId,
            "schedule",
            ScheduledRun.Request(row, repository, new(ActorKind.Schedule, row.Label), due) with
            {
                IdempotencyKey = key,
                Note = note,
            },
            cancellationToken
        );
        return run.Id;
    }

    private async Task FailedAsync(ScheduleRow row, DateTimeOffset due, Exception error, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var attempt = row.Attempts + 1;
        var message = FiringErrors.Message(error);
        if (FiringErrors.IsTransient(error) && attempt < FiringErrors.MostAttempts)
        {
            var pause = FiringErrors.Pause(error, attempt);
            if (await times.RetryAsync(row.Id, due, now + pause, message, cancellationToken))
            {
                AttemptFailed(error is ShipinatorException ? null : error, row.Id, row.RepositoryId, due, attempt, message, pause);
            }

            return;
        }

        var failure = attempt == 1 ? message : $"Given up after {attempt} attempts; the last error: {message}";
        if (await times.GiveUpAsync(row.Id, due, NextOrNull(row, Later(now, due)), failure, cancellationToken))
        {
            GivenUp(row.Id, row.RepositoryId, due, row.Failures + 1, message);
        }
    }

    /// <summary>Null when the schedule can't be evaluated any more, which is then its failure.</summary>
    private static DateTimeOffset? NextOrNull(ScheduleRow row, DateTimeOffset after)
    {
        try
        {
            return ScheduleTimes.Of(row.Cron, row.TimeZone, row.RepositoryId).Next(after);
        }
        catch (InvalidInputException)
        {
            return null;
        }
    }

    /// <summary>When the clock was set back meanwhile, the due time is in the future: the next one is after it all the same.</summary>
    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    [LoggerMessage(4553, LogLevel.Information, "Schedule {Schedule} of repository {Repository}, due at {Due}, has run {Run}")]
    private partial void Fired(ScheduleId schedule, RepositoryId repository, DateTimeOffset due, RunId run);

    [LoggerMessage(
        4554,
        LogLevel.Warning,
        "Attempt {Attempt} to run schedule {Schedule} of repository {Repository}, due at {Due}, failed ({Message}); retrying in {Pause}"
    )]
    private partial void AttemptFailed(
        Exception? exception,
        ScheduleId schedule,
        RepositoryId repository,
        DateTimeOffset due,
        int attempt,
        string message,
        TimeSpan pause
    );

    [LoggerMessage(
        4555,
        LogLevel.Warning,
        "Schedule {Schedule} of repository {Repository}, due at {Due}, has no run ({Message}); failures in a row: {Failures}"
    )]
    private partial void GivenUp(ScheduleId schedule, RepositoryId repository, DateTimeOffset due, int failures, string message);
}
