namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>
/// Runs the last of many scheduled actions after a delay. For one component: <paramref name="invoke"/> runs the action on its renderer's
/// thread. With <paramref name="restartsDelay"/>, every new action restarts the delay; without, the delay starts with the first one.
/// </summary>
public sealed class Debouncer(TimeProvider time, TimeSpan delay, bool restartsDelay, Func<Action, Task> invoke) : IDisposable
{
    private ITimer? _timer;
    private Action? _action;
    private bool _isDisposed;

    /// <summary>Runs the action after the delay, instead of one that was scheduled before.</summary>
    public void Schedule(Action action)
    {
        if (_isDisposed)
        {
            return;
        }

        var isFirst = _action is null;
        _action = action;
        if (isFirst || restartsDelay)
        {
            _timer?.Dispose();
            _timer = time.CreateTimer(_ => _ = invoke(Run), null, delay, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Drops the scheduled action, if any.</summary>
    public void Cancel() => _action = null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        _action = null;
        _timer?.Dispose();
    }

    private void Run()
    {
        var action = _action;
        _action = null;
        action?.Invoke();
    }
}
