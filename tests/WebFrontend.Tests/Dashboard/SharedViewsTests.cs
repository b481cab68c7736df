using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>One reading for all who look at the same thing.</summary>
public sealed class SharedViewsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Source _source = new();
    private readonly SharedViews<string, string> _views;

    public SharedViewsTests() => _views = new(_source, _time, NullLogger<SharedViews<string, string>>.Instance);

    [Fact]
    public async Task Viewers_OfOneThing_ShareItsReadings()
    {
        var viewers = Enumerable.Range(0, 1000).Select(_ => new Viewer()).ToList();
        var subscriptions = viewers.Select(v => _views.Subscribe("a", v.See)).ToList();
        await _source.AnswerAsync("one");
        Assert.All(viewers, v => Assert.Equal("one", v.NextAsync().GetAwaiter().GetResult()));
        Assert.Equal(1, _source.Readings);
        subscriptions.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task Burst_OfNews_IsReadAtMostTenTimesASecond_AndNotMissed()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.AnswerAsync("0");
        Assert.Equal("0", await viewer.NextAsync());
        var readings = 1;
        for (var tenth = 0; tenth < 10; tenth++)
        {
            for (var i = 0; i < 50; i++)
            {
                _source.Tell("a");
            }

            // The pause after the last reading has to be over first.
            await _source.AdvanceUntilAskedAsync(_time, TimeSpan.FromMilliseconds(101));
            await _source.AnswerAsync($"{++readings}");
            Assert.Equal($"{readings}", await viewer.NextAsync());
        }

        Assert.InRange(_source.Readings, 2, 12);
    }

    [Fact]
    public async Task Error_IsToldBesideTheLastKnown_AndHealsByItself()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.AnswerAsync("known");
        Assert.Equal("known", await viewer.NextAsync());
        _source.Tell("a");
        await _source.AdvanceUntilAskedAsync(_time, TimeSpan.FromSeconds(1));
        await _source.FailAsync(new StorageUnavailableException("away"));
        Assert.Equal("known", await viewer.NextAsync());
        Assert.IsType<StorageUnavailableException>(viewer.Last!.Error);
        await _source.AdvanceUntilAskedAsync(_time, TimeSpan.FromSeconds(2));
        await _source.AnswerAsync("back");
        Assert.Equal("back", await viewer.NextAsync());
        Assert.Null(viewer.Last!.Error);
    }

    [Fact]
    public async Task LateViewer_IsToldAtOnce_AndTheLastOneGoneEndsTheListening()
    {
        var (first, second) = (new Viewer(), new Viewer());
        var one = _views.Subscribe("a", first.See);
        await _source.AnswerAsync("there");
        await first.NextAsync();
        var two = _views.Subscribe("a", second.See);
        Assert.Equal("there", await second.NextAsync());
        Assert.Equal(1, _source.Listeners);
        one.Dispose();
        Assert.Equal(1, _source.Listeners);
        two.Dispose();
        two.Dispose();
        await _source.NobodyListensAsync();
    }

    [Fact]
    public async Task Crowd_ThatTakesLongToDraw_IsGivenARest_AndASlowScreenIsNotWaitedFor()
    {
        var time = new TimersTold();
        var views = new SharedViews<string, string>(_source, time, NullLogger<SharedViews<string, string>>.Instance);
        var (slow, quick) = (new Viewer { Drawing = new TaskCompletionSource().Task }, new Viewer());
        using var one = views.Subscribe("a", slow.See);
        using var two = views.Subscribe("a", quick.See);
        await _source.AnswerAsync("first");
        await slow.NextAsync();
        var seen = quick.NextAsync();
        // The patience with the slow one, and a rest of twelve times as long.
        foreach (var wait in new[] { TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(12 * 250) })
        {
            Assert.Equal(wait, await time.NextAsync());
            Assert.False(seen.IsCompleted);
            time.Advance(wait);
        }

        Assert.Equal("first", await seen);
    }

    [Fact]
    public async Task View_ThatIsTheSame_IsNotDrawnAgain()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.AnswerAsync("same");
        await viewer.NextAsync();
        foreach (var value in new[] { "same", "same", "other" })
        {
            _source.Tell("a");
            await _source.AdvanceUntilAskedAsync(_time, TimeSpan.FromMilliseconds(101));
            await _source.AnswerAsync(value);
        }

        Assert.Equal("other", await viewer.NextAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Screen_ThatBreaks_TakesNothingFromTheOthers(bool atOnce)
    {
        var other = new Viewer();
        using var one = _views.Subscribe(
            "a",
            _ => atOnce ? throw new StorageUnavailableException("away") : Task.FromException(new StorageUnavailableException("away"))
        );
        using var two = _views.Subscribe("a", other.See);
        foreach (var value in new[] { "first", "second" })
        {
            _source.Tell("a");
            await _source.AdvanceUntilAskedAsync(_time, TimeSpan.FromMilliseconds(101));
            await _source.AnswerAsync(value);
            Assert.Equal(value, await other.NextAsync());
        }
    }

    [Fact]
    public async Task Source_ThatBreaks_IsFollowedAgain()
    {
        var viewer = new Viewer();
        using var subscription = _views.Subscribe("a", viewer.See);
        await _source.AnswerAsync("first");
        Assert.Equal("first", await viewer.NextAsync());
        _source.Defect = new ArithmeticException();
        _source.Tell("a");
        await _source.DefectAsync(_time);
        _source.Tell("a");
        await _source.AdvanceUntilAskedAsync(_time, TimeSpan.FromMilliseconds(101));
        await _source.AnswerAsync("again");
        Assert.Equal("again", await viewer.NextAsync());
    }

    private sealed class Viewer
    {
        private readonly Channel<ViewState<string>> _seen = Channel.CreateUnbounded<ViewState<string>>();

        public ViewState<string>? Last { get; private set; }

        /// <summary>How long this screen takes to be drawn.</summary>
        public Task Drawing { get; set; } = Task.CompletedTask;

        public Task See(ViewState<string> state)
        {
            _seen.Writer.TryWrite(state);
            return Drawing;
        }

        public async Task<string?> NextAsync()
        {
            Last = await _seen.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
            return Last.Value;
        }
    }

    /// <summary>A clock that tells how long somebody begins to wait: it is turned when they do, never ahead of them.</summary>
    private sealed class TimersTold : FakeTimeProvider
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

    /// <summary>Readings that the test answers, and news that it tells.</summary>
    private sealed class Source : IViewSource<string, string>
    {
        private readonly Channel<TaskCompletionSource<string>> _asked = Channel.CreateUnbounded<TaskCompletionSource<string>>();
        private readonly ConcurrentDictionary<Channel<bool>, bool> _listening = new();
        private readonly TaskCompletionSource _nobody = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _readings;

        public int Readings => _readings;

        public int Listeners => _listening.Count;

        /// <summary>What it throws the next time that it is asked when to read again.</summary>
        public Exception? Defect { get; set; }

        /// <summary>Ends when that was thrown.</summary>
        public async Task DefectAsync(FakeTimeProvider time)
        {
            var began = TimeProvider.System.GetTimestamp();
            while (Defect is not null)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "It was not asked.");
                time.Advance(TimeSpan.FromMilliseconds(101));
                if (_asked.Reader.TryPeek(out _))
                {
                    await AnswerAsync("first");
                }

                await Task.Yield();
            }
        }

        public Task NobodyListensAsync() => _nobody.Task.WaitAsync(TimeSpan.FromSeconds(20));

        public void Tell(string key)
        {
            foreach (var listener in _listening.Keys)
            {
                listener.Writer.TryWrite(key.Length > 0);
            }
        }

        public async Task AnswerAsync(string value) => (await NextAsync()).SetResult(value);

        public async Task FailAsync(Exception error) => (await NextAsync()).SetException(error);

        /// <summary>Time passes in steps until a reading is asked for; its answer is still owed.</summary>
        public async Task AdvanceUntilAskedAsync(FakeTimeProvider time, TimeSpan step)
        {
            var began = TimeProvider.System.GetTimestamp();
            while (!_asked.Reader.TryPeek(out _))
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "Nothing was read.");
                time.Advance(step);
                await Task.Yield();
            }
        }

        public async Task<string> ReadAsync(string key, string? previous, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _readings);
            var answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _asked.Writer.TryWrite(answer);
            return await answer.Task.WaitAsync(cancellationToken);
        }

        public async IAsyncEnumerable<bool> ChangesAsync(string key, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var news = Channel.CreateUnbounded<bool>();
            _listening[news] = true;
            try
            {
                await foreach (var item in news.Reader.ReadAllAsync(cancellationToken))
                {
                    yield return item;
                }
            }
            finally
            {
                _listening.TryRemove(news, out _);
                _nobody.TrySetResult();
            }
        }

        public TimeSpan? RefreshAfter(string view)
        {
            if (Defect is { } defect)
            {
                Defect = null;
                throw defect;
            }

            return null;
        }

        private async Task<TaskCompletionSource<string>> NextAsync() =>
            await _asked.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
    }
}
