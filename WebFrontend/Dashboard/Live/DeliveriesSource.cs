using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A page of the webhook deliveries of a repository; a null cursor is the first page.</summary>
public readonly record struct DeliveriesKey(RepositoryId Repository, string? Cursor = null);

/// <summary>Webhook deliveries, newest first.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Deliveries">The page.</param>
/// <param name="NextCursor">The next page; null for none.</param>
public sealed record DeliveriesSnapshot(RepositoryRow Repository, IReadOnlyList<DeliveryRow> Deliveries, string? NextCursor);

/// <summary>Reads webhook deliveries. Errors: <see cref="NotFoundException"/>.</summary>
public sealed class DeliveriesSource(RepositoryStore repositories, DeliveryStore deliveries, IChangeFeed feed, TimeProvider time)
    : IViewSource<DeliveriesKey, DeliveriesSnapshot>
{
    private const int PageSize = 50;
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(1);

    /// <summary>Failed attempts are not announced.</summary>
    private static readonly TimeSpan WaitingRefresh = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public async Task<DeliveriesSnapshot> ReadAsync(DeliveriesKey key, DeliveriesSnapshot? previous, CancellationToken cancellationToken)
    {
        var repository =
            await repositories.GetAsync(key.Repository, cancellationToken)
            ?? throw new NotFoundException("repository", key.Repository.ToString());
        var page = await deliveries.ListAsync(key.Repository, new PageRequest(PageSize, key.Cursor), cancellationToken);
        return new(repository, page.Items, page.NextCursor);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> ChangesAsync(DeliveriesKey key, CancellationToken cancellationToken) =>
        feed.ThrottledChangesAsync(RefreshInterval, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(DeliveriesSnapshot view) => view?.Deliveries.Any(d => d.Outcome is null) == true ? WaitingRefresh : null;
}
