namespace Shipinator;

/// <summary>
/// The due times of schedules. Errors of every method: <see cref="StorageUnavailableException"/>, after which nothing was changed.
/// </summary>
public interface IScheduleFiring
{
    /// <summary>
    /// At most <paramref name="most"/> schedules that are due now, first those without a failed attempt, the longest due first; without the
    /// given schedules, and without those of the given repositories.
    /// </summary>
    Task<IReadOnlyList<DueSchedule>> Due(
        int most,
        IReadOnlyCollection<ScheduleId> except,
        IReadOnlyCollection<RepositoryId> exceptOf,
        CancellationToken cancellationToken
    );

    /// <summary>
    /// When the next schedule other than the given ones is due, or is attempted again; null when none will be. It may be in the past.
    /// </summary>
    Task<DateTimeOffset?> Earliest(IReadOnlyCollection<ScheduleId> except, CancellationToken cancellationToken);

    /// <summary>
    /// Creates the run of a due time, once for each due time however often and wherever this is called, and moves the schedule to its next
    /// due time. When no run can be created, that is recorded, and the due time is attempted again later or given up.
    /// </summary>
    Task Fire(DueSchedule schedule, CancellationToken cancellationToken);
}

/// <summary>A schedule and the due time that is to be taken.</summary>
public sealed record DueSchedule(ScheduleId Id, RepositoryId Repository, DateTimeOffset DueAt);
