using Microsoft.Extensions.Logging;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Runs;

namespace Shipinator.Triggers.Schedules;

/// <summary>
/// What people do with a schedule: switch it on and off, and run it now. Errors of every method: <see cref="NotFoundException"/>,
/// <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed partial class ScheduleSwitch(
    ScheduleStore schedules,
    RepositoryStore repositories,
    RunTrigger trigger,
    ScheduleWaking waking,
    TimeProvider time,
    ILogger<ScheduleSwitch> logger
)
{
    /// <summary>
    /// Switches a schedule on or off; idempotent. A schedule that is switched on starts with the next due time after now: those that passed
    /// while it was off are not made up for. Errors: <see cref="InvalidInputException"/> <c>schedule_invalid</c>.
    /// </summary>
    public async Task<ScheduleRow> SetEnabledAsync(ScheduleId id, bool enabled, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        var before = await ExistingAsync(id, cancellationToken);
        if (before.Enabled == enabled)
        {
            return before;
        }

        var next = enabled ? ScheduleTimes.Of(before.Cron, before.TimeZone, before.RepositoryId).Next(time.GetUtcNow()) : null;
        var row = await schedules.SetEnabledAsync(id, enabled, next, cancellationToken);
        Switched(enabled ? "Enabled" : "Disabled", id, row.RepositoryId, actor);
        await waking.WakeAsync();
        return row;
    }

    /// <summary>
    /// Creates a run of a schedule, enabled or not, without changing when it is due. Errors: as <see cref="RunTrigger"/>;
    /// <see cref="InvalidInputException"/> <c>schedule_not_defined</c> when the file of its branch does not have it.
    /// </summary>
    public async Task<TriggeredRun> RunAsync(ScheduleId id, Actor actor, string? idempotencyKey, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        var row = await ExistingAsync(id, cancellationToken);
        var repository =
            await repositories.GetAsync(row.RepositoryId, cancellationToken)
            ?? throw new NotFoundException("repository", row.RepositoryId.ToString());
        var run = await trigger.CreateAsync(
            row.RepositoryId,
            "schedule",
            ScheduledRun.Request(row, repository, actor, dueAt: null) with
            {
                IdempotencyKey = idempotencyKey,
                Note = $"Started by hand from schedule '{row.Label}'.",
            },
            cancellationToken
        );
        await schedules.RecordRunAsync(id, run.Id, cancellationToken);
        return run;
    }

    private async Task<ScheduleRow> ExistingAsync(ScheduleId id, CancellationToken cancellationToken) =>
        await schedules.GetAsync(id, cancellationToken) is { RemovedAt: null } row
            ? row
            : throw new NotFoundException("schedule", id.ToString());

    [LoggerMessage(4556, LogLevel.Information, "{Change} schedule {Schedule} of repository {Repository} for {Actor}")]
    private partial void Switched(string change, ScheduleId schedule, RepositoryId repository, Actor actor);
}
