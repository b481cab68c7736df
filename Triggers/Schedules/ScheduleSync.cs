using Microsoft.Extensions.Logging;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Schedules;

/// <summary>Makes the schedules of a repository those of its default branch's file.</summary>
public sealed partial class ScheduleSync(ScheduleStore schedules, ScheduleWaking waking, TimeProvider time, ILogger<ScheduleSync> logger)
{
    /// <summary>
    /// Adds, changes and removes schedules. One whose entry did not change keeps its due time; each keeps whether it is enabled. Errors:
    /// <see cref="NotFoundException"/>, <see cref="StorageUnavailableException"/>; <see cref="InvalidInputException"/>
    /// <c>schedule_invalid</c>. Then nothing was changed.
    /// </summary>
    public async Task<IReadOnlyList<ScheduleRow>> SyncAsync(
        RepositoryId repository,
        IReadOnlyList<ScheduleEntry> entries,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(entries);
        var now = time.GetUtcNow();
        var rows = await schedules.SyncAsync(
            repository,
            [
                .. entries.Select(e => new ScheduleChange
                {
                    EntryKey = e.Key,
                    Name = e.Name,
                    Cron = e.Cron,
                    Branch = e.Branch,
                    Timezone = e.TimeZone,
                    Inputs = e.Inputs,
                    NextAt = ScheduleTimes.Of(e.Cron, e.TimeZone, repository).Next(now),
                }),
            ],
            cancellationToken
        );
        Synced(repository, rows.Count);
        await waking.WakeAsync();
        return rows;
    }

    [LoggerMessage(4551, LogLevel.Debug, "Repository {Repository} has {Count} schedules")]
    private partial void Synced(RepositoryId repository, int count);
}
