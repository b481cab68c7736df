using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Shipinator.Silo.Clustering;

namespace Shipinator.Silo.Tests;

/// <summary>A process that was frozen, seen from inside: its clock leaps.</summary>
public sealed class FreezeWatchTests
{
    [Fact]
    public async Task ClockThatLeaps_MakesTheSiloReadTheMembershipTable_EvenAfterAFailure()
    {
        var (clock, membership) = (new Clock(), new CountedMembership());
        using var watch = new FreezeWatch(membership, clock, NullLogger<FreezeWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        // On time, and late on a busy machine.
        await clock.PassAsync(TimeSpan.FromSeconds(0.5));
        await clock.PassAsync(TimeSpan.FromSeconds(2.5));
        await clock.WaitedForAsync();
        Assert.Equal(0, membership.Refreshes);

        membership.Failure = new InvalidOperationException("The database is unavailable.");
        clock.Advance(TimeSpan.FromSeconds(2.6));
        await clock.WaitedForAsync();
        Assert.Equal(1, membership.Refreshes);

        membership.Failure = null;
        clock.Advance(TimeSpan.FromSeconds(60));
        await clock.WaitedForAsync();
        Assert.Equal(2, membership.Refreshes);
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Tells when somebody waits for it.</summary>
    private sealed class Clock : FakeTimeProvider
    {
        private readonly Channel<TimeSpan> _waits = Channel.CreateUnbounded<TimeSpan>();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            Assert.True(_waits.Writer.TryWrite(dueTime));
            return timer;
        }

        public async Task PassAsync(TimeSpan time)
        {
            await WaitedForAsync();
            Advance(time);
        }

        public Task<TimeSpan> WaitedForAsync() =>
            _waits
                .Reader.ReadAsync(TestContext.Current.CancellationToken)
                .AsTask()
                .WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }
}
