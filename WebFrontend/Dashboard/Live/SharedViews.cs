namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>The last view that was read, and why there is no newer one.</summary>
/// <param name="Value">Null until the first read succeeded.</param>
/// <param name="Error">Null when the last read succeeded.</param>
public sealed record ViewState<TView>(TView? Value, Exception? Error)
    where TView : class;

/// <summary>Reads views of one kind.</summary>
public interface IViewSource<TKey, TView>
    where TKey : notnull
    where TView : class
{
    /// <summary>Reads a view; <paramref name="previous"/>, the last one, may save work.</summary>
    Task<TView> ReadAsync(TKey key, TView? previous, CancellationToken cancellationToken);

    /// <summary>Yields an element each time the view may have changed.</summary>
    IAsyncEnumerable<bool> ChangesAsync(TKey key, CancellationToken cancellationToken);

    /// <summary>When to read the view again without a change notification; null for never.</summary>
    TimeSpan? RefreshAfter(TView view);
}

/// <summary>
/// Views that many viewers share. A view is read once for all viewers of the same key: immediately after a change, and at most ten times
/// a second. Viewers are rendered one after the other, with pauses that are <see cref="PauseFactor"/> times as long as the rendering:
/// however many there are, rendering takes a small part of one processor, and refreshes become less frequent instead.
/// </summary>
public sealed partial class SharedViews<TKey, TView>(
    IViewSource<TKey, TView> source,
    TimeProvider time,
    ILogger<SharedViews<TKey, TView>> logger
)
    where TKey : notnull
    where TView : class
{
    private static readonly TimeSpan MinInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long to wait for a viewer to render: one on a slow connection must not delay the others.</summary>
    private static readonly TimeSpan RenderTimeout = TimeSpan.FromMilliseconds(250);

    /// <summary>How long viewers are rendered without a pause.</summary>
    private static readonly TimeSpan MaxBurst = TimeSpan.FromMilliseconds(5);

    private const int PauseFactor = 12;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, Shared> _shared = [];

    /// <summary>
    /// Calls <paramref name="changed"/> with the current state, if there is one, and with each later one, on any thread and never
    /// concurrently, until the subscription is disposed. The task that it returns completes when the viewer has rendered.
    /// </summary>
    public IDisposable Subscribe(TKey key, Func<ViewState<TView>, Task> changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        lock (_lock)
        {
            if (!_shared.TryGetValue(key, out var shared))
            {
                _shared[key] = shared = new Shared(new CancellationTokenSource());
                _ = Task.Run(() => FollowAsync(key, shared));
            }

            var viewer = new Viewer(this, key, shared, changed);
            shared.Viewers.Add(viewer);
            if (shared.State is { } state)
            {
                _ = changed(state);
            }

            return viewer;
        }
    }

    [LoggerMessage(4401, LogLevel.Error, "Updating view {View} failed; retrying")]
    private static partial void LogUpdateFailed(ILogger logger, string view, Exception error);

    [LoggerMessage(4402, LogLevel.Warning, "Rendering a page of view {View} failed")]
    private static partial void LogRenderFailed(ILogger logger, string view, Exception error);

    private async Task FollowAsync(TKey key, Shared shared)
    {
        var stop = shared.Stop.Token;
        var listening = ListenAsync(key, shared, stop);
        try
        {
            while (true)
            {
                try
                {
                    await FollowOnceAsync(key, shared, stop);
                }
                catch (Exception e) when (!stop.IsCancellationRequested)
                {
                    // Otherwise current and future viewers would never be updated again.
                    LogUpdateFailed(logger, typeof(TView).Name, e);
                    await Task.Delay(RetryDelay, time, stop);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The last viewer unsubscribed.
        }

        await listening;
        shared.Stop.Dispose();
        shared.Changed.Dispose();
    }

    private async Task FollowOnceAsync(TKey key, Shared shared, CancellationToken stop)
    {
        var refresh = shared.State is { Error: null, Value: { } value } ? source.RefreshAfter(value) : RetryDelay;
        await WaitAsync(shared.Changed, shared.State is null ? null : refresh, stop);
        var began = time.GetTimestamp();
        var state = await ReadAsync(key, shared.State?.Value, stop);
        await PublishAsync(shared, state, stop);
        var pause = MinInterval - time.GetElapsedTime(began);
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, time, stop);
        }
    }

    private async Task WaitAsync(SemaphoreSlim changed, TimeSpan? limit, CancellationToken stop)
    {
        if (limit is null)
        {
            await changed.WaitAsync(stop);
            return;
        }

        using var timer = new CancellationTokenSource(limit.Value, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(stop, timer.Token);
        try
        {
            await changed.WaitAsync(linked.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // No notification within the limit: read anyway.
        }
    }

    private async Task<ViewState<TView>> ReadAsync(TKey key, TView? previous, CancellationToken stop)
    {
        try
        {
            return new(await source.ReadAsync(key, previous, stop), null);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            return new(previous, e);
        }
    }

    private async Task ListenAsync(TKey key, Shared shared, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await foreach (var _ in source.ChangesAsync(key, stop))
                {
                    shared.Signal();
                }

                return;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception)
            {
                // Without notifications, the view is polled until listening works again.
                shared.Signal();
                try
                {
                    await Task.Delay(RetryDelay, time, stop);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    private async Task PublishAsync(Shared shared, ViewState<TView> state, CancellationToken stop)
    {
        Viewer[] viewers;
        lock (_lock)
        {
            if (shared.State is { Error: null } before && state.Error is null && Equals(before.Value, state.Value))
            {
                return;
            }

            shared.State = state;
            viewers = [.. shared.Viewers];
        }

        var began = time.GetTimestamp();
        foreach (var viewer in viewers)
        {
            try
            {
                await viewer.Changed(state).WaitAsync(RenderTimeout, time, stop);
            }
            catch (Exception e)
                when (!stop.IsCancellationRequested && e is TimeoutException or ObjectDisposedException or OperationCanceledException)
            {
                // A slow viewer, or one that was closed in the meantime.
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                // A viewer that fails must not affect the others.
                LogRenderFailed(logger, typeof(TView).Name, e);
            }

            if (time.GetElapsedTime(began) is var elapsed && elapsed > MaxBurst)
            {
                await Task.Delay(elapsed * PauseFactor, time, stop);
                began = time.GetTimestamp();
            }
        }
    }

    private void Unsubscribe(TKey key, Shared shared, Viewer viewer)
    {
        lock (_lock)
        {
            if (shared.Viewers.Remove(viewer) && shared.Viewers.Count == 0)
            {
                _shared.Remove(key);
                shared.Stop.Cancel();
            }
        }
    }

    private sealed class Shared(CancellationTokenSource stop)
    {
        public CancellationTokenSource Stop => stop;

        /// <summary>Released when the view may have changed.</summary>
        public SemaphoreSlim Changed { get; } = new(1, 1);

        public HashSet<Viewer> Viewers { get; } = [];

        public ViewState<TView>? State { get; set; }

        public void Signal()
        {
            try
            {
                Changed.Release();
            }
            catch (SemaphoreFullException)
            {
                // A read is pending already.
            }
        }
    }

    private sealed class Viewer(SharedViews<TKey, TView> owner, TKey key, Shared shared, Func<ViewState<TView>, Task> changed) : IDisposable
    {
        public Func<ViewState<TView>, Task> Changed => changed;

        public void Dispose() => owner.Unsubscribe(key, shared, this);
    }
}
