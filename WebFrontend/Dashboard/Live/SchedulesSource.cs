using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>The schedules of a repository, or a page of those of all repositories.</summary>
/// <param name="Repository">The repository; null: all.</param>
/// <param name="Cursor">The page; null: the first.</param>
public readonly record struct SchedulesKey(RepositoryId? Repository, string? Cursor);

/// <summary>Schedules, with the repository when they are of one.</summary>
public sealed record SchedulesSnapshot(RepositoryRow? Repository, Page<ScheduleRow> Schedules);

/// <summary>Reads schedules. Errors: <see cref="NotFoundException"/>.</summary>
public sealed class SchedulesSource(ScheduleStore schedules, RepositoryStore repositories, IChangeFeed feed, TimeProvider time)
    : IViewSource<SchedulesKey, SchedulesSnapshot>
{
    private const int PageSize = 100;
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public async Task<SchedulesSnapshot> ReadAsync(SchedulesKey key, SchedulesSnapshot? previous, CancellationToken cancellationToken)
    {
        if (key.Repository is not { } id)
        {
            return new(null, await schedules.ListAsync(new PageRequest(PageSize, key.Cursor), cancellationToken));
        }

        var repository = await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());
        return new(repository, new(await schedules.ListAsync(id, cancellationToken), null));
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> ChangesAsync(SchedulesKey key, CancellationToken cancellationToken) =>
        feed.ThrottledChangesAsync(RefreshInterval, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(SchedulesSnapshot view) => null;
}
