using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Grains;

/// <summary>
/// The shell that the three state machines share: one durable row, a drive that may be repeated at any time, and a timer
/// that drives again. A write that fails throws the memory away: the next call reads the truth.
/// </summary>
public abstract partial class FsmGrain<TRecord> : Grain where TRecord : class
{
    private readonly IPersistentState<Stored<TRecord>> _state;
    private readonly ILogger _logger;
    private IGrainTimer? _timer;
    private bool _abandoned;

    protected FsmGrain(IPersistentState<Stored<TRecord>> state, TimeProvider time, IOptions<EngineOptions> options, ILogger logger)
    {
        _state = state;
        Time = time;
        Options = options.Value;
        _logger = logger;
    }

    /// <summary>The committed row; interleaved readers never see one that is still being written.</summary>
    protected TRecord? Row { get; private set; }

    /// <summary>The clock.</summary>
    protected TimeProvider Time { get; }

    /// <summary>The engine's settings.</summary>
    protected EngineOptions Options { get; }

    /// <summary>Now.</summary>
    protected DateTimeOffset Now => Time.GetUtcNow();

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        Row = _state.State.Row;
        return Task.CompletedTask;
    }

    /// <summary>Does all that is to be done now; harmless to repeat. Returns when to be driven again; null: never.</summary>
    protected abstract Task<TimeSpan?> DriveAsync(CancellationToken cancellationToken);

    /// <summary>Drives, and sees to it that a passing fault only delays.</summary>
    protected async Task RunDriveAsync(CancellationToken cancellationToken)
    {
        TimeSpan? next;
        try
        {
            next = await DriveAsync(cancellationToken);
        }
        catch (Exception e) when (!_abandoned)
        {
            DriveFailed(e, GetType().Name, this.GetPrimaryKey());
            next = Options.RetryDelay;
        }

        Schedule(_abandoned ? null : next);
    }

    /// <summary>Drives again after a while, in a turn of its own.</summary>
    protected void Schedule(TimeSpan? due)
    {
        if (due is null)
        {
            _timer?.Dispose();
            _timer = null;
            return;
        }

        // A little jitter, so that ten thousand executions do not ask at the same moment.
        var delay = due.Value <= TimeSpan.Zero ? TimeSpan.Zero : due.Value * (0.9 + (0.2 * Random.Shared.NextDouble()));
        if (_timer is null)
        {
            _timer = this.RegisterGrainTimer(
                RunDriveAsync, new GrainTimerCreationOptions { DueTime = delay, Period = Timeout.InfiniteTimeSpan, KeepAlive = true });
        }
        else
        {
            _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Writes the row with its transitions, atomically; nothing happened when this throws.</summary>
    protected async Task CommitAsync(TRecord next, ImmutableArray<Transition> transitions)
    {
        _state.State = new Stored<TRecord> { Row = next, Uncommitted = transitions };
        try
        {
            await _state.WriteStateAsync();
        }
        catch
        {
            // What was written is unknown: forget, so that the next call reads it.
            _abandoned = true;
            Schedule(null);
            DeactivateOnIdle();
            throw;
        }

        _state.State.Uncommitted = [];
        Row = next;
    }

    [LoggerMessage(1001, LogLevel.Warning, "{Grain} {Id} could not go on and will try again")]
    private partial void DriveFailed(Exception exception, string grain, Guid id);
}
