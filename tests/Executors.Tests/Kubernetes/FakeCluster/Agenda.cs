namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The clock of a cluster in which nothing happens by itself: what its controllers and timers have scheduled waits here, and
/// <see cref="Step"/> runs the next action and sets the clock to its time. Deterministic, however slow the machine is.
/// </summary>
internal sealed class Agenda : ClusterTime
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<(Action Action, Func<bool>? IsMeant), (DateTimeOffset Due, long Order)> _waiting = new();
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

    public override void After(TimeSpan delay, Action action) => After(delay, action, isMeant: null);

    /// <summary>Runs the next action; false when there is none before <paramref name="horizon"/>.</summary>
    public bool Step(DateTimeOffset? horizon = null)
    {
        Action action;
        lock (_gate)
        {
            // A stopped timer does not move the clock.
            while (_waiting.TryPeek(out var first, out _) && first.IsMeant?.Invoke() == false)
            {
                _waiting.Dequeue();
            }

            if (!_waiting.TryPeek(out _, out var next) || next.Due > horizon)
            {
                return false;
            }

            action = _waiting.Dequeue().Action;
            _now = next.Due > _now ? next.Due : _now;
        }

        action();
        return true;
    }

    /// <summary>Runs all actions within this time, and moves the clock to its end.</summary>
    public void Pass(TimeSpan span)
    {
        var end = GetUtcNow() + span;
        while (Step(end)) { }

        lock (_gate)
        {
            _now = end > _now ? end : _now;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private void After(TimeSpan delay, Action action, Func<bool>? isMeant)
    {
        lock (_gate)
        {
            _waiting.Enqueue((action, isMeant), (_now + delay, _order++));
        }
    }

    private sealed class Timer(Agenda agenda, TimerCallback callback, object? state) : ITimer
    {
        private int _generation;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var mine = Interlocked.Increment(ref _generation);
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                agenda.After(dueTime, () => Fire(mine, period), () => IsMeant(mine));
            }

            return true;
        }

        public void Dispose() => Interlocked.Increment(ref _generation);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private bool IsMeant(int mine) => mine == Volatile.Read(ref _generation);

        private void Fire(int mine, TimeSpan period)
        {
            if (!IsMeant(mine))
            {
                return;
            }

            callback(state);
            if (period > TimeSpan.Zero)
            {
                agenda.After(period, () => Fire(mine, period), () => IsMeant(mine));
            }
        }
    }
}
