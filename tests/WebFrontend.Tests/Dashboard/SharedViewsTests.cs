using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>Views are read once for all viewers.</summary>
public sealed class SharedViewsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Source _source = new();
    private readonly SharedViews<string, string> _views;

    public SharedViewsTests() => _views = new(_source, _time, NullLogger<SharedViews<string, string>>.Instance);

    [Fact]
    public async Task Viewers_OfOneKey_ShareReads()
    {
        var viewers = Enumerable.Range(0, 1000).Select(_ => new Viewer()).ToList();
        var subscriptions = viewers.Select(v => _views.Subscribe("a", v.See)).ToList();
        await _source.CompleteAsync("one");
        Assert.All(viewers, v => Assert.Equal("one", v.NextAsync().GetAwaiter().GetResult()));
        Assert.Equal(1, _source.Reads);
        subscriptions.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task BurstOfChanges_IsReadAtMostTenTimesASecond_AndNotMissed()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.CompleteAsync("0");
        Assert.Equal("0", await viewer.NextAsync());
        var reads = 1;
        for (var tenth = 0; tenth < 10; tenth++)
        {
            for (var i = 0; i < 50; i++)
            {
                _source.Signal("a");
            }

            // The pause after the last read has to end first.
            await _source.AdvanceUntilReadAsync(_time, TimeSpan.FromMilliseconds(101));
            await _source.CompleteAsync($"{++reads}");
            Assert.Equal($"{reads}", await viewer.NextAsync());
        }

        Assert.InRange(_source.Reads, 2, 12);
    }

    [Fact]
    public async Task Error_KeepsTheLastView_AndIsRetried()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.CompleteAsync("known");
        Assert.Equal("known", await viewer.NextAsync());
        _source.Signal("a");
        await _source.AdvanceUntilReadAsync(_time, TimeSpan.FromSeconds(1));
        await _source.FailAsync(new StorageUnavailableException("unavailable"));
        Assert.Equal("known", await viewer.NextAsync());
        Assert.IsType<StorageUnavailableException>(viewer.Last!.Error);
        await _source.AdvanceUntilReadAsync(_time, TimeSpan.FromSeconds(2));
        await _source.CompleteAsync("back");
        Assert.Equal("back", await viewer.NextAsync());
        Assert.Null(viewer.Last!.Error);
    }

    [Fact]
    public async Task LateViewer_IsCalledImmediately_AndTheLastOneToLeaveEndsTheListening()
    {
        var (first, second) = (new Viewer(), new Viewer());
        var one = _views.Subscribe("a", first.See);
        await _source.CompleteAsync("there");
        await first.NextAsync();
        var two = _views.Subscribe("a", second.See);
        Assert.Equal("there", await second.NextAsync());
        Assert.Equal(1, _source.Listeners);
        one.Dispose();
        Assert.Equal(1, _source.Listeners);
        two.Dispose();
        two.Dispose();
        await _source.NoListenersAsync();
    }

    [Fact]
    public async Task SlowRendering_IsFollowedByAPause_AndASlowViewerTimesOut()
    {
        var time = new ReportingTimeProvider();
        var views = new SharedViews<string, string>(_source, time, NullLogger<SharedViews<string, string>>.Instance);
        var (slow, quick) = (new Viewer { Rendering = new TaskCompletionSource().Task }, new Viewer());
        using var one = views.Subscribe("a", slow.See);
        using var two = views.Subscribe("a", quick.See);
        await _source.CompleteAsync("first");
        await slow.NextAsync();
        var seen = quick.NextAsync();
        // The timeout for the slow viewer, then a pause that is twelve times as long.
        foreach (var wait in new[] { TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(12 * 250) })
        {
            Assert.Equal(wait, await time.NextAsync());
            Assert.False(seen.IsCompleted);
            time.Advance(wait);
        }

        Assert.Equal("first", await seen);
    }

    [Fact]
    public async Task UnchangedView_IsNotRenderedAgain()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.CompleteAsync("same");
        await viewer.NextAsync();
        foreach (var value in new[] { "same", "same", "other" })
        {
            _source.Signal("a");
            await _source.AdvanceUntilReadAsync(_time, TimeSpan.FromMilliseconds(101));
            await _source.CompleteAsync(value);
        }

        Assert.Equal("other", await viewer.NextAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task FailingViewer_DoesNotAffectOthers(bool isSynchronous)
    {
        var other = new Viewer();
        using var one = _views.Subscribe(
            "a",
            _ =>
                isSynchronous
                    ? throw new StorageUnavailableException("unavailable")
                    : Task.FromException(new StorageUnavailableException("unavailable"))
        );
        using var two = _views.Subscribe("a", other.See);
        foreach (var value in new[] { "first", "second" })
        {
            _source.Signal("a");
            await _source.AdvanceUntilReadAsync(_time, TimeSpan.FromMilliseconds(101));
            await _source.CompleteAsync(value);
            Assert.Equal(value, await other.NextAsync());
        }
    }

    [Fact]
    public async Task FailingSource_IsFollowedAgain()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.CompleteAsync("first");
        Assert.Equal("first", await viewer.NextAsync());
        _source.ThrowOnce = new ArithmeticException();
        _source.Signal("a");
        await _source.ThrownAsync(_time);
        _source.Signal("a");
        await _source.AdvanceUntilReadAsync(_time, TimeSpan.FromMilliseconds(101));
        await _source.CompleteAsync("again");
        Assert.Equal("again", await viewer.NextAsync());
    }

    private sealed class Viewer
    {
        private readonly Channel<ViewState<string>> _seen = Channel.CreateUnbounded<ViewState<string>>();

        public ViewState<string>? Last { get; private set; }

        /// <summary>Completes when this viewer has rendered.</summary>
        public Task Rendering { get; set; } = Task.CompletedTask;

        public Task See(ViewState<string> state)
        {
            _seen.Writer.TryWrite(state);
            return Rendering;
        }

        public async Task<string?> NextAsync()
        {
            Last = await _seen.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
            return Last.Value;
        }
    }

    /// <summary>A clock that reports each new timer, so that the test advances it only after the wait has started.</summary>
    private sealed class ReportingTimeProvider : FakeTimeProvider
    {
        private readonly Channel<TimeSpan> _timers = Channel.CreateUnbounded<TimeSpan>();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _timers.Writer.TryWrite(dueTime);
            return timer;
        }

        public async Task<TimeSpan> NextAsync() => await _timers.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
    }

    /// <summary>A source whose reads are completed, and whose changes are signaled, by the test.</summary>
    private sealed class Source : IViewSource<string, string>
    {
        private readonly Channel<TaskCompletionSource<string>> _pending = Channel.CreateUnbounded<TaskCompletionSource<string>>();
        private readonly ConcurrentDictionary<Channel<bool>, bool> _listening = new();
        private readonly TaskCompletionSource _noListeners = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _reads;

        public int Reads => _reads;

        public int Listeners => _listening.Count;

        /// <summary>Thrown by the next call of <see cref="RefreshAfter"/>.</summary>
        public Exception? ThrowOnce { get; set; }

        /// <summary>Completes when <see cref="ThrowOnce"/> was thrown.</summary>
        public async Task ThrownAsync(FakeTimeProvider time)
        {
            var began = TimeProvider.System.GetTimestamp();
            while (ThrowOnce is not null)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "RefreshAfter was not called.");
                time.Advance(TimeSpan.FromMilliseconds(101));
                if (_pending.Reader.TryPeek(out _))
                {
                    await CompleteAsync("first");
                }

                await Task.Yield();
            }
        }

        public Task NoListenersAsync() => _noListeners.Task.WaitAsync(TimeSpan.FromSeconds(20));

        public void Signal(string key)
        {
            foreach (var listener in _listening.Keys)
            {
                listener.Writer.TryWrite(key.Length > 0);
            }
        }

        public async Task CompleteAsync(string value) => (await NextAsync()).SetResult(value);

        public async Task FailAsync(Exception error) => (await NextAsync()).SetException(error);

        /// <summary>Advances the time in steps until a read starts; the test still has to complete it.</summary>
        public async Task AdvanceUntilReadAsync(FakeTimeProvider time, TimeSpan step)
        {
            var began = TimeProvider.System.GetTimestamp();
            while (!_pending.Reader.TryPeek(out _))
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "No read was started.");
                time.Advance(step);
                await Task.Yield();
            }
        }

        public async Task<string> ReadAsync(string key, string? previous, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _reads);
            var result = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _pending.Writer.TryWrite(result);
            return await result.Task.WaitAsync(cancellationToken);
        }

        public async IAsyncEnumerable<bool> ChangesAsync(string key, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var changes = Channel.CreateUnbounded<bool>();
            _listening[changes] = true;
            try
            {
                await foreach (var item in changes.Reader.ReadAllAsync(cancellationToken))
                {
                    yield return item;
                }
            }
            finally
            {
                _listening.TryRemove(changes, out _);
                _noListeners.TrySetResult();
            }
        }

        public TimeSpan? RefreshAfter(string view)
        {
            if (ThrowOnce is { } defect)
            {
                ThrowOnce = null;
                throw defect;
            }

            return null;
        }

        private async Task<TaskCompletionSource<string>> NextAsync() =>
            await _pending.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
    }
}
