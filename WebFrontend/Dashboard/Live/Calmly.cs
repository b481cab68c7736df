using System.Runtime.CompilerServices;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>How screens that many runs move follow the news.</summary>
internal static class Calmly
{
    /// <summary>
    /// One element for all that changed, whatever it was, then a rest: whose change it was is not said, and when much goes on, such
    /// a screen need not follow each step. What comes in the rest is told after it.
    /// </summary>
    public static async IAsyncEnumerable<bool> ChangesAsync(
        this IChangeFeed feed,
        TimeSpan rest,
        TimeProvider time,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await foreach (var _ in feed.Changes(null, cancellationToken))
        {
            yield return true;
            await Task.Delay(rest, time, cancellationToken);
        }
    }
}
