namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>What a screen knows: the last view that could be read, and why there is no newer one.</summary>
/// <param name="Value">Null before the first.</param>
/// <param name="Error">Null when the last reading succeeded.</param>
public sealed record ViewState<TView>(TView? Value, Exception? Error)
    where TView : class;

/// <summary>How views of one kind come to be.</summary>
public interface IViewSource<TKey, TView>
    where TKey : notnull
    where TView : class
{
    /// <summary>Reads one; <paramref name="previous"/> may spare work.</summary>
    Task<TView> ReadAsync(TKey key, TView? previous, CancellationToken cancellationToken);

    /// <summary>An element for each time that it may have changed.</summary>
    IAsyncEnumerable<bool> ChangesAsync(TKey key, CancellationToken cancellationToken);

    /// <summary>When to read it again although nothing was heard; null: never.</summary>
    TimeSpan? RefreshAfter(TView view);
}

/// <summary>
/// Views that many screens share: one reading for all who look at the same thing, begun at once after a quiet time, and then
/// at most ten times a second. Screens are drawn one after the other, with rests that are <see cref="Rest"/> times as long: a
/// crowd before one thing takes a small part of one processor from the work itself, and waits the longer for its pictures.
/// </summary>
public sealed partial class SharedViews<TKey, TView>(
    IViewSource<TKey, TView> source,
    TimeProvider time,
    ILogger<SharedViews<TKey, TView>> logger
)
    where TKey : notnull
    where TView : class
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    /// <summary>A screen that takes longer is not waited for: its person's line may be slow.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Stretch = TimeSpan.FromMilliseconds(5);
    private const int Rest = 12;
    private static readonly TimeSpan AfterError = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, Shared> _shared = [];

    /// <summary>
    /// Tells <paramref name="changed"/> the state now, if there is one, and each later one, on any thread and never two at
    /// once, until the subscription is disposed. What it returns ends when it has shown it.
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

    [LoggerMessage(Level = LogLevel.Error, Message = "Following {View} broke; it goes on in a moment.")]
    private static partial void Broke(ILogger logger, string view, Exception error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A screen of {View} could not be drawn.")]
    private static partial void Undrawn(ILogger logger, string view, Exception error);

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
                    // Whoever looks would look at a still picture for ever, and so would all who come later.
                    Broke(logger, typeof(TView).Name, e);
                    await Task.Delay(AfterError, time, stop);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Nobody looks any more.
        }

        await listening;
        shared.Stop.Dispose();
        shared.News.Dispose();
    }

    private async Task FollowOnceAsync(TKey key, Shared shared, CancellationToken stop)
    {
        var refresh = shared.State is { Error: null, Value: { } seen } ? source.RefreshAfter(seen) : AfterError;
        await WaitAsync(shared.News, shared.State is null ? null : refresh, stop);
        var began = time.GetTimestamp();
        var state = await ReadAsync(key, shared.State?.Value, stop);
        await PublishAsync(shared, state, stop);
        var pause = Shortest - time.GetElapsedTime(began);
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, time, stop);
        }
    }

    private async Task WaitAsync(SemaphoreSlim news, TimeSpan? limit, CancellationToken stop)
    {
        if (limit is null)
        {
            await news.WaitAsync(stop);
            return;
        }

        using var timer = new CancellationTokenSource(limit.Value, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, timer.Token);
        try
        {
            await news.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Nothing was heard: have a look all the same.
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
                    shared.Tell();
                }

                return;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception)
            {
                // What can't be heard now is read now and then, and listened to again.
                shared.Tell();
                try
                {
                    await Task.Delay(AfterError, time, stop);
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
                await viewer.Changed(state).WaitAsync(Patience, time, stop);
            }
            catch (Exception e)
                when (!stop.IsCancellationRequested && e is TimeoutException or ObjectDisposedException or OperationCanceledException)
            {
                // A slow screen, or one that was closed meanwhile.
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                // One screen that can't be drawn takes nothing from the others.
                Undrawn(logger, typeof(TView).Name, e);
            }

            if (time.GetElapsedTime(began) is var drawn && drawn > Stretch)
            {
                await Task.Delay(drawn * Rest, time, stop);
                began = time.GetTimestamp();
            }
        }
    }

    private void Leave(TKey key, Shared shared, Viewer viewer)
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

        /// <summary>Whether there is something to read.</summary>
        public SemaphoreSlim News { get; } = new(1, 1);

        public HashSet<Viewer> Viewers { get; } = [];

        public ViewState<TView>? State { get; set; }

        public void Tell()
        {
            try
            {
                News.Release();
            }
            catch (SemaphoreFullException)
            {
                // It is known already.
            }
        }
    }

    private sealed class Viewer(SharedViews<TKey, TView> owner, TKey key, Shared shared, Func<ViewState<TView>, Task> changed) : IDisposable
    {
        public Func<ViewState<TView>, Task> Changed => changed;

        public void Dispose() => owner.Leave(key, shared, this);
    }
}
