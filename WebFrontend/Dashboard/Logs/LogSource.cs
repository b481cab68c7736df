using System.Runtime.CompilerServices;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>A log with its index and its current size.</summary>
public sealed record LogView(LogIndex Index, LogState State);

/// <summary>Follows logs; all viewers of a log share its index.</summary>
public sealed class LogSource(ILogStore logs) : IViewSource<ExecutionId, LogView>
{
    /// <inheritdoc/>
    public async Task<LogView> ReadAsync(ExecutionId key, LogView? previous, CancellationToken cancellationToken)
    {
        var index = previous?.Index ?? new LogIndex(logs, key);
        return new(index, await index.GrowAsync(cancellationToken));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> ChangesAsync(ExecutionId key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long known = 0;
        while (true)
        {
            await logs.WaitForMore(key, known, cancellationToken);
            var info = await logs.Info(key, cancellationToken);
            if (info.Length > known || info.Sealed)
            {
                known = info.Length;
                yield return true;
            }

            if (info.Sealed)
            {
                yield break;
            }
        }
    }

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(LogView view) => view?.State.Sealed == false ? TimeSpan.FromSeconds(5) : null;
}
