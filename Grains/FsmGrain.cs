using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace Shipinator.Grains;

/// <summary>
/// The shell that the three state machines share: one durable row, a drive that may be repeated at any time, and a timer
/// that drives again. A write that fails throws the memory away: the next call reads the truth.
/// </summary>
public abstract partial class FsmGrain<TRecord> : Grain
    where TRecord : class
{
    private readonly IPersistentState<Stored<TRecord>> _state;
    private readonly IUnfinishedWork _work;
    private readonly ILogger _logger;
    private IGrainTimer? _timer;

    protected FsmGrain(
        IPersistentState<Stored<TRecord>> state,
        IUnfinishedWork work,
        TimeProvider time,
        IOptions<EngineOptions> options,
        ILogger logger
    )
    {
        _state = state;
        _work = work;
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
        if (Abandoned is not null)
        {
            return;
        }

        TimeSpan? next;
        try
        {
            next = await DriveAsync(cancellationToken);
        }
        catch (Exception e) when (Abandoned is null)
        {
            DriveFailed(e, GetType().Name, this.GetPrimaryKey());
            next = Options.RetryDelay;
        }

        Schedule(Abandoned is null ? next : null);
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
                RunDriveAsync,
                new GrainTimerCreationOptions
                {
                    DueTime = delay,
                    Period = Timeout.InfiniteTimeSpan,
                    KeepAlive = true,
                }
            );
        }
        else
        {
            _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>
    /// Writes the row with its transitions, atomically, and when it ends the row a trace of what follows. When this throws, what was
    /// written is unknown: the memory is thrown away.
    /// </summary>
    protected async Task CommitAsync(TRecord next, ImmutableArray<Transition> transitions, ImmutableArray<JobRecord> initialJobs = default)
    {
        ThrowIfAbandoned();
        var unsettled = LifeOf(next).IsTerminal && AfterEnd(next).Count > 0;
        _state.State = new Stored<TRecord>
        {
            Row = next,
            Uncommitted = transitions,
            Unsettled = unsettled,
            InitialJobs = initialJobs.IsDefault ? [] : initialJobs,
        };
        try
        {
            await _state.WriteStateAsync();
        }
        catch (Exception e)
        {
            var cause = Causes.Of(e);
            Abandon(cause);
            // That somebody else wrote the row is no business of whoever calls: the same call may be repeated.
            ExceptionDispatchInfo.Throw(cause is InconsistentStateException ? Abandoned! : cause);
            throw;
        }

        _state.State.Uncommitted = [];
        _state.State.Unsettled = false;
        _state.State.InitialJobs = [];
        Row = next;
        if (unsettled)
        {
            Schedule(TimeSpan.Zero);
        }
    }

    /// <summary>Set once a write of this activation has failed: it is about to go, and knows nothing any more.</summary>
    private protected StorageUnavailableException? Abandoned { get; private set; }

    /// <summary>Errors: <see cref="Abandoned"/>.</summary>
    private protected void ThrowIfAbandoned()
    {
        if (Abandoned is { } abandoned)
        {
            throw abandoned;
        }
    }

    /// <summary>
    /// A write failed. Whoever waits within the grain must be told now: the activation goes only when no request runs any more, and
    /// nobody is served until it is gone.
    /// </summary>
    private protected virtual void OnAbandoned() { }

    private void Abandon(Exception cause)
    {
        Abandoned =
            cause as StorageUnavailableException
            ?? new(
                $"A write of {GetType().Name} {this.GetPrimaryKey()} failed, and its row is read again: {cause.Message} The call may be repeated."
            );
        Schedule(null);
        DeactivateOnIdle();
        OnAbandoned();
    }

    [LoggerMessage(1001, LogLevel.Warning, "{Grain} {Id} could not go on and will try again")]
    private partial void DriveFailed(Exception exception, string grain, Guid id);
}
