namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The time of a cluster in which nothing happens by itself: what its controllers and timers mean to do waits here, and
/// <see cref="Step"/> carries out the next of it and sets the clock to when it was due. The same each time, however slow the machine.
/// </summary>
internal sealed class Agenda : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<Action, (DateTimeOffset Due, long Order)> _waiting = new();
    private DateTimeOffset _now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private long _order;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            return _now;
        }
    }

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public void After(TimeSpan delay, Action action)
    {
        lock (_gate)
        {
            _waiting.Enqueue(action, (_now + delay, _order++));
        }
    }

    /// <summary>Does the next thing there is to do; false when there is none before <paramref name="horizon"/>.</summary>
    public bool Step(DateTimeOffset? horizon = null)
    {
        Action action;
        lock (_gate)
        {
            if (!_waiting.TryPeek(out _, out var next) || next.Due > horizon)
            {
                return false;
            }

            action = _waiting.Dequeue();
            _now = next.Due > _now ? next.Due : _now;
        }

        action();
        return true;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(Agenda agenda, TimerCallback callback, object? state) : ITimer
    {
        private int _generation;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var mine = Interlocked.Increment(ref _generation);
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                agenda.After(dueTime, () => Fire(mine, period));
            }

            return true;
        }

        public void Dispose() => Interlocked.Increment(ref _generation);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Fire(int mine, TimeSpan period)
        {
            if (mine != Volatile.Read(ref _generation))
            {
                return;
            }

            callback(state);
            if (period > TimeSpan.Zero)
            {
                agenda.After(period, () => Fire(mine, period));
            }
        }
    }
}
