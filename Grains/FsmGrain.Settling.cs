using Microsoft.Extensions.Logging;

namespace Shipinator.Grains;

/// <summary>
/// Something that is to be done once a row has ended: harmless to repeat, and done whether or not the other parts can be.
/// <paramref name="Do"/> returns when it is to be tried again; null: it is done.
/// </summary>
internal sealed record SettlePart(string Name, Func<CancellationToken, Task<TimeSpan?>> Do)
{
    /// <summary>A part that is done when it did not throw.</summary>
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
/// What follows an end. The write that ends a row leaves a durable trace of it, which goes when every part is done: whoever
/// dies in between is found by <see cref="IRecoveryGrain"/>.
/// </summary>
public abstract partial class FsmGrain<TRecord>
{
    private static readonly TimeSpan LongestSettleWait = TimeSpan.FromMinutes(1);
    private readonly HashSet<string> _settledParts = [];
    private readonly HashSet<string> _failedParts = [];
    private int _settleFailures;
    private bool _settled;

    /// <summary>Where a row stands.</summary>
    private protected abstract Lifecycle LifeOf(TRecord row);

    /// <summary>What follows the row's end; empty when nothing does.</summary>
    private protected abstract IReadOnlyList<SettlePart> AfterEnd(TRecord row);

    /// <summary>Does what follows the end, side by side. Returns when to go on with what could not be done; null: all is done.</summary>
    protected async Task<TimeSpan?> SettleAsync(CancellationToken cancellationToken)
    {
        if (_settled || AfterEnd(Row!) is not { Count: > 0 } parts)
        {
            return null;
        }

        var waits = await Task.WhenAll(parts.Where(p => !_settledParts.Contains(p.Name)).Select(p => SettleAsync(p, cancellationToken)));
        if (waits.Any(w => w is not null))
        {
            return waits.Min();
        }

        if (await SettleAsync(SettlePart.Of("trace", stop => _work.Settled(this.GetPrimaryKey(), stop)), cancellationToken) is { } again)
        {
            return again;
        }

        _settled = true;
        return null;
    }

    /// <summary>A hint to another grain, which would look by itself in any case: that it can't be sent is nobody's failure.</summary>
    private protected async Task HintAsync(Func<Task> send)
    {
        try
        {
            await send();
        }
        catch (Exception e)
        {
            HintLost(GetType().Name, this.GetPrimaryKey(), e.Message);
        }
    }

    private async Task<TimeSpan?> SettleAsync(SettlePart part, CancellationToken cancellationToken)
    {
        try
        {
            if (await part.Do(cancellationToken) is { } again)
            {
                return again;
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            if (_failedParts.Add(part.Name))
            {
                SettleFailed(e, GetType().Name, this.GetPrimaryKey(), part.Name);
            }

            var wait = Options.RetryDelay * Math.Pow(2, Math.Min(_settleFailures++, 20));
            return wait < LongestSettleWait ? wait : LongestSettleWait;
        }

        _settledParts.Add(part.Name);
        if (_failedParts.Remove(part.Name))
        {
            SettledAtLast(GetType().Name, this.GetPrimaryKey(), part.Name);
        }

        return null;
    }

    [LoggerMessage(
        1002,
        LogLevel.Warning,
        "{Grain} {Id} has ended, but its {Part} could not be settled; it will be tried again until it is"
    )]
    private partial void SettleFailed(Exception exception, string grain, Guid id, string part);

    [LoggerMessage(1003, LogLevel.Information, "{Grain} {Id}: its {Part} is settled now")]
    private partial void SettledAtLast(string grain, Guid id, string part);

    [LoggerMessage(1004, LogLevel.Debug, "{Grain} {Id} could not send a hint: {Message}")]
    private partial void HintLost(string grain, Guid id, string message);
}
