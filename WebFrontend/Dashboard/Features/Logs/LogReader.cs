using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>
/// Reads a log from the store, and keeps the error when that fails: it is shown above the lines, and the page stays usable.
/// </summary>
/// <param name="view">The current view; null until there is one.</param>
/// <param name="changed">Called when <see cref="Error"/> has changed.</param>
internal sealed class LogReader(Func<LogView?> view, Action changed)
{
    /// <summary>Why the last read failed; null when it succeeded.</summary>
    public Exception? Error { get; private set; }

    /// <summary>The lines from <paramref name="first"/>; none after an error.</summary>
    public async Task<IReadOnlyList<LogLine>> LinesAsync(int first, int count, CancellationToken cancellationToken) =>
        await TryAsync(index => index.ReadAsync(first, count, cancellationToken)) ?? [];

    /// <summary>The lines from <paramref name="from"/> that contain the text; null after an error.</summary>
    public Task<LogMatches?> FindAsync(string text, int from) => TryAsync(index => index.FindAsync(text, from, CancellationToken.None));

    private async Task<T?> TryAsync<T>(Func<LogIndex, Task<T>> read)
        where T : class
    {
        try
        {
            var result = view() is { } current ? await read(current.Index) : null;
            Show(null);
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Show(e);
            return null;
        }
    }

    private void Show(Exception? error)
    {
        if (Error != error)
        {
            Error = error;
            changed();
        }
    }
}
