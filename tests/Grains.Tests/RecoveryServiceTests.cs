using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Reflection;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Shipinator.Grains.Hosting;

namespace Shipinator.Grains.Tests;

/// <summary>Recovery is woken until that succeeds, and a failure is logged once.</summary>
public sealed class RecoveryServiceTests
{
    [Fact(Timeout = 60_000)]
    public async Task Sweep_FailingForLong_IsRetriedUntilItSucceedsAndLoggedOnce()
    {
        var stop = TestContext.Current.CancellationToken;
        var time = new FakeTimeProvider();
        var wakes = Channel.CreateUnbounded<int>();
        var count = 0;
        var grain = Proxy<IRecoveryGrain>(_ =>
        {
            count++;
            wakes.Writer.TryWrite(count);
            return count <= 40 ? Task.FromException(new OrleansException("No silo responds.")) : Task.CompletedTask;
        });
        var log = new Lines();
        var members = new Members();
        var factory = Proxy<IGrainFactory>(_ => grain);
        using var service = new RecoveryService(factory, members, time, log);
        await service.StartAsync(stop);
        members.Tell(1);
        while (await wakes.Reader.ReadAsync(stop) <= 40)
        {
            // The next attempt is due within 30 s; the clock is advanced until it was made.
            var next = wakes.Reader.WaitToReadAsync(stop).AsTask();
            while (!next.IsCompleted)
            {
                stop.ThrowIfCancellationRequested();
                time.Advance(TimeSpan.FromSeconds(30));
                await Task.Yield();
            }
        }

        Assert.Equal(41, count);
        // Another silo joined: recovery is woken again, at once.
        members.Tell(2);
        Assert.Equal(42, await wakes.Reader.ReadAsync(stop));
        await service.StopAsync(stop);
        Assert.Equal([LogLevel.Warning, LogLevel.Information], log.Levels);
    }

    [Fact]
    public async Task Membership_Failing_EndsNeitherTheServiceNorTheHost()
    {
        var stop = TestContext.Current.CancellationToken;
        var time = new FakeTimeProvider();
        var woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var grain = Proxy<IRecoveryGrain>(_ =>
        {
            woken.TrySetResult();
            return Task.CompletedTask;
        });
        var members = new Members { Failures = 2 };
        using var service = new RecoveryService(Proxy<IGrainFactory>(_ => grain), members, time, new Lines());
        await service.StartAsync(stop);
        members.Tell(1);
        while (!woken.Task.IsCompleted)
        {
            Assert.False(service.ExecuteTask!.IsCompleted);
            time.Advance(TimeSpan.FromSeconds(30));
            await Task.Yield();
        }

        await service.StopAsync(stop);
    }

    private static T Proxy<T>(Func<MethodInfo, object> answer)
        where T : class
    {
        var proxy = DispatchProxy.Create<T, Answering>();
        ((Answering)(object)proxy).Answer = answer;
        return proxy;
    }

    public class Answering : DispatchProxy
    {
        public Func<MethodInfo, object> Answer { get; set; } = null!;

        protected override object Invoke(MethodInfo? targetMethod, object?[]? args) => Answer(targetMethod!);
    }

    private sealed class Members : IClusterMembershipService
    {
        private readonly Channel<ClusterMembershipSnapshot> _snapshots = Channel.CreateUnbounded<ClusterMembershipSnapshot>();
        private int _version;

        public int Failures { get; set; }

        public ClusterMembershipSnapshot CurrentSnapshot => throw new NotSupportedException();

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates =>
            Failures-- > 0 ? throw new InvalidOperationException("a bug") : _snapshots.Reader.ReadAllAsync();

        public void Tell(int silos) =>
            _snapshots.Writer.TryWrite(
                new(
                    Enumerable
                        .Range(1, silos)
                        .Select(i => SiloAddress.New(System.Net.IPAddress.Loopback, i, 1))
                        .ToImmutableDictionary(a => a, a => new ClusterMember(a, SiloStatus.Active, a.ToString())),
                    new MembershipVersion(++_version)
                )
            );

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) => default;

        public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);
    }

    private sealed class Lines : ILogger<RecoveryService>
    {
        private readonly ConcurrentQueue<LogLevel> _levels = new();

        public IEnumerable<LogLevel> Levels => _levels;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => _levels.Enqueue(logLevel);
    }
}
