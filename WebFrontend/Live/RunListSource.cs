using System.Runtime.CompilerServices;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Live;

/// <summary>A page of a list of runs.</summary>
public sealed record RunListKey(RunFilter Filter, string? Cursor);

/// <summary>Reads lists of runs for screens.</summary>
public sealed class RunListSource(RunQueries runs, IChangeFeed feed, TimeProvider time) : IViewSource<RunListKey, Page<RunView>>
{
    private const int PageSize = 50;
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(500);

    /// <inheritdoc/>
    public Task<Page<RunView>> ReadAsync(RunListKey key, Page<RunView>? previous, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        return runs.ListAsync(key.Filter, new PageRequest(PageSize, key.Cursor), cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> ChangesAsync(RunListKey key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var _ in feed.Changes(null, cancellationToken))
        {
            yield return true;
            await Task.Delay(Calm, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(Page<RunView> view) => null;
}
