using System.Runtime.CompilerServices;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>Limits how often views that are affected by many runs are refreshed.</summary>
internal static class ThrottledChanges
{
    /// <summary>
    /// An element for each change of anything, at most one per <paramref name="interval"/>. Changes during the interval yield one element
    /// after it.
    /// </summary>
    public static async IAsyncEnumerable<bool> ThrottledChangesAsync(
        this IChangeFeed feed,
        TimeSpan interval,
        TimeProvider time,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await foreach (var _ in feed.Changes(null, cancellationToken))
        {
            yield return true;
            await Task.Delay(interval, time, cancellationToken);
        }
    }
}
