using Microsoft.Extensions.Logging;

namespace Shipinator.Grains;

/// <summary>
/// One cleanup action after a row has become terminal. Idempotent, and independent of the other parts. <paramref name="Attempt"/> returns
/// the delay before the next attempt; null: it succeeded.
/// </summary>
internal sealed record SettlePart(string Name, Func<CancellationToken, Task<TimeSpan?>> Attempt)
{
    /// <summary>A part that succeeds unless <paramref name="act"/> throws.</summary>
    public static SettlePart Of(string name, Func<CancellationToken, Task> act) =>
        new(
            name,
            async stop =>
            {
                await act(stop);
                return null;
            }
        );
}

/// <summary>
/// The cleanup after one row has become terminal. The write of the terminal status also marks the row as unsettled, in the same
/// transaction; the mark is removed when every part has succeeded. If a silo dies in between, <see cref="IRecoveryGrain"/> resumes.
/// </summary>
internal sealed partial class Settlement(string grain, Guid id, TimeSpan retryDelay, ILogger logger)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);
    private readonly HashSet<string> _done = [];
    private readonly HashSet<string> _failed = [];
    private int _failures;
    private bool _isComplete;

    /// <summary>
    /// Runs the parts concurrently, then <paramref name="last"/>. Returns the delay before the next attempt; null: all have succeeded.
    /// </summary>
    public async Task<TimeSpan?> RunAsync(IReadOnlyList<SettlePart> parts, SettlePart last, CancellationToken cancellationToken)
    {
        if (_isComplete || parts.Count == 0)
        {
            return null;
        }

        var waits = await Task.WhenAll(parts.Where(p => !_done.Contains(p.Name)).Select(p => RunAsync(p, cancellationToken)));
        var again = waits.Min() ?? await RunAsync(last, cancellationToken);
        _isComplete = again is null;
        return again;
    }

    private async Task<TimeSpan?> RunAsync(SettlePart part, CancellationToken cancellationToken)
    {
        try
        {
            if (await part.Attempt(cancellationToken) is { } again)
            {
                return again;
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            if (_failed.Add(part.Name))
            {
                PartFailed(e, grain, id, part.Name);
            }

            return Doubling.Of(retryDelay, _failures++, LongestWait);
        }

        _done.Add(part.Name);
        if (_failed.Remove(part.Name))
        {
            PartDone(grain, id, part.Name);
        }

        return null;
    }

    [LoggerMessage(1002, LogLevel.Warning, "{Grain} {Id} has ended, but '{Part}' failed; retrying until it succeeds")]
    private partial void PartFailed(Exception exception, string grain, Guid id, string part);

    [LoggerMessage(1003, LogLevel.Information, "{Grain} {Id} has ended, and '{Part}' succeeded after a retry")]
    private partial void PartDone(string grain, Guid id, string part);
}
