namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>
/// What is wanted often and done seldom: the last of many wishes, after a pause. For one component: <paramref name="invoke"/>
/// brings the deed to its thread; <paramref name="whenQuiet"/>: every wish begins the pause anew.
/// </summary>
public sealed class Slowly(TimeProvider time, TimeSpan pause, bool whenQuiet, Func<Action, Task> invoke) : IDisposable
{
    private ITimer? _timer;
    private Action? _wish;
    private bool _isOver;

    /// <summary>Does it when the pause is over, instead of what was wanted before.</summary>
    public void Want(Action deed)
    {
        if (_isOver)
        {
            return;
        }

        var isNew = _wish is null;
        _wish = deed;
        if (isNew || whenQuiet)
        {
            _timer?.Dispose();
            _timer = time.CreateTimer(_ => _ = invoke(Do), null, pause, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Nothing is wanted any more.</summary>
    public void Forget() => _wish = null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _isOver = true;
        _wish = null;
        _timer?.Dispose();
    }

    private void Do()
    {
        var wish = _wish;
        _wish = null;
        wish?.Invoke();
    }
}
