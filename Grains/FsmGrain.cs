using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace Shipinator.Grains;

/// <summary>
/// Base class of the three state machines: one durable row, an idempotent drive, and a timer that repeats it. When a write fails the grain
/// deactivates and drops its memory: the next call reads the row from the database.
/// </summary>
public abstract partial class FsmGrain<TRecord> : Grain
    where TRecord : class
{
    private readonly IPersistentState<Stored<TRecord>> _state;
    private readonly IUnfinishedWork _work;
    private readonly ILogger _logger;
    private Settlement? _settlement;
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

    /// <summary>The committed row; interleaved readers never see uncommitted changes.</summary>
    protected TRecord? Row { get; private set; }

    protected TimeProvider Time { get; }

    protected EngineOptions Options { get; }

    protected DateTimeOffset Now => Time.GetUtcNow();

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        Row = _state.State.Row;
        return Task.CompletedTask;
    }

    /// <summary>Does everything that is due; idempotent. Returns the delay before the next drive; null: none is needed.</summary>
    protected abstract Task<TimeSpan?> DriveAsync(CancellationToken cancellationToken);

    /// <summary>Drives, and schedules the next drive. A transient error only delays it.</summary>
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

    /// <summary>Schedules the next drive after <paramref name="due"/>, in a separate turn; null: cancels the timer.</summary>
    protected void Schedule(TimeSpan? due)
    {
        if (due is null)
        {
            _timer?.Dispose();
            _timer = null;
            return;
        }

        // With jitter, so that ten thousand executions do not poll at the same moment.
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
    /// Writes the row with its transitions in one transaction, and marks a terminal row as unsettled. When this throws, it is unknown
    /// whether the write happened, so the grain deactivates.
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
            var cause = OwnError.Unwrap(e);
            Abandon(cause);
            // The version conflict is an internal detail: the caller can retry the call.
            ExceptionDispatchInfo.Throw(cause is InconsistentStateException ? Abandoned! : cause);
            throw;
        }

        _state.State.Uncommitted = [];
        _state.State.Unsettled = false;
        _state.State.InitialJobs = [];
        Row = next;
        LogTransitions(transitions);
        if (unsettled)
        {
            Schedule(TimeSpan.Zero);
        }
    }

    /// <summary>
    /// Set once a write of this activation has failed: the grain is deactivating, and its memory is no longer valid.
    /// </summary>
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
    /// Called when a write has failed. Requests that wait inside the grain must fail now: deactivation waits for all running requests, and
    /// until then no other activation serves the grain.
    /// </summary>
    private protected virtual void OnAbandoned() { }

    private void Abandon(Exception cause)
    {
        Abandoned =
            cause as StorageUnavailableException
            ?? new($"Writing {GetType().Name} {this.GetPrimaryKey()} failed; its row will be reloaded: {cause.Message} Retry the call.");
        Schedule(null);
        DeactivateOnIdle();
        OnAbandoned();
    }

    /// <summary>The lifecycle of a row.</summary>
    private protected abstract Lifecycle LifeOf(TRecord row);

    /// <summary>The cleanup after the row has become terminal; may be empty.</summary>
    private protected abstract IReadOnlyList<SettlePart> AfterEnd(TRecord row);

    /// <summary>Runs the cleanup after the end. Returns the delay before the next attempt; null: complete.</summary>
    protected Task<TimeSpan?> SettleAsync(CancellationToken cancellationToken)
    {
        _settlement ??= new(GetType().Name, this.GetPrimaryKey(), Options.RetryDelay, _logger);
        var trace = SettlePart.Of("mark the row as settled", stop => _work.Settled(this.GetPrimaryKey(), stop));
        return _settlement.RunAsync(AfterEnd(Row!), trace, cancellationToken);
    }

    /// <summary>Sends a hint to another grain. Failures are only logged, because the other grain also polls.</summary>
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

    private void LogTransitions(ImmutableArray<Transition> transitions)
    {
        foreach (var t in transitions)
        {
            // A step follows its executions: those are logged.
            var level = t.Machine == Machine.Step ? LogLevel.Debug : LogLevel.Information;
            if (t.From is { } from)
            {
                Moved(level, t.Machine.Word(), t.EntityId, from.Word(), t.To.Word(), t.Reason?.Word() ?? "none");
            }
            else
            {
                Created(level, t.Machine.Word(), t.EntityId, t.RunId);
            }
        }
    }

    [LoggerMessage(EventId = 1005, Message = "Created {Machine} {Id} of run {Run}")]
    private partial void Created(LogLevel level, string machine, Guid id, RunId run);

    [LoggerMessage(EventId = 1006, Message = "Moved {Machine} {Id} from {From} to {To}, reason {Reason}")]
    private partial void Moved(LogLevel level, string machine, Guid id, string from, string to, string reason);

    [LoggerMessage(1001, LogLevel.Warning, "{Grain} {Id} failed to make progress; retrying")]
    private partial void DriveFailed(Exception exception, string grain, Guid id);

    [LoggerMessage(1004, LogLevel.Debug, "{Grain} {Id} could not send a hint: {Message}")]
    private partial void HintLost(string grain, Guid id, string message);
}
