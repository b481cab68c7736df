using Shipinator.Grains.Tests.Engine;
using Shipinator.Schema.Stores;

namespace Shipinator.Grains.Tests;

/// <summary>Deliveries of a repository are processed in order, once, and whatever happens to silos and forges.</summary>
public sealed class InboxTests(EngineCluster engine)
{
    [Fact]
    public async Task Deliveries_AreProcessedInOrder_AndAFailureDelaysTheLaterOnes()
    {
        var repository = (await engine.NewRepositoryAsync()).Repository.Id;
        var failures = 0;
        var name = Ref();
        engine.Processing.By[name] = (_, _) =>
            Task.FromResult(++failures <= 3 ? new DeliveryAttempt { Failure = "The forge is away." } : FakeProcessing.Done);
        var ids = new List<DeliveryId>
        {
            await AddAsync(engine, repository, name),
            await AddAsync(engine, repository, Ref()),
            await AddAsync(engine, repository, Ref()),
        };
        await NotifyAsync(engine, repository);
        foreach (var id in ids)
        {
            Assert.Equal(DeliveryOutcome.Filtered, (await engine.OutcomeAsync(id)).Outcome);
        }

        Assert.Equal([ids[0], ids[0], ids[0], ids[0], ids[1], ids[2]], engine.Processing.Attempts.Where(ids.Contains));
    }

    [Fact]
    public async Task Delivery_ThatFailsOften_HoldsBackOnlyItsOwnRef()
    {
        var repository = (await engine.NewRepositoryAsync()).Repository.Id;
        var stuck = Ref();
        var isStuck = true;
        engine.Processing.By[stuck] = (_, _) =>
            Task.FromResult(isStuck ? new DeliveryAttempt { Failure = "Only this commit." } : FakeProcessing.Done);
        var first = await AddAsync(engine, repository, stuck);
        var same = await AddAsync(engine, repository, stuck);
        var other = await AddAsync(engine, repository, Ref());
        await NotifyAsync(engine, repository);
        await engine.OutcomeAsync(other);
        Assert.DoesNotContain(same, engine.Processing.Attempts);
        isStuck = false;
        await engine.OutcomeAsync(first);
        await engine.OutcomeAsync(same);
    }

    [Fact]
    public async Task HintIsLost_TheRecoveryFindsTheDelivery()
    {
        var repository = (await engine.NewRepositoryAsync()).Repository.Id;
        var id = await AddAsync(engine, repository, Ref());
        await engine.Grains.GetGrain<IRecoveryGrain>(0).Sweep(TestContext.Current.CancellationToken);
        Assert.Equal(DeliveryOutcome.Filtered, (await engine.OutcomeAsync(id)).Outcome);
    }

    [Fact]
    public async Task SiloKilled_WhileProcessing_AnotherSiloProcessesTheDelivery()
    {
        // Its own cluster: other tests keep their silos.
        var own = new EngineCluster { Configure = o => o.DeliveryAttemptTimeout = TimeSpan.FromSeconds(1) };
        await own.InitializeAsync();
        await using var _ = own;
        var hang = true;
        var begun = new List<TaskCompletionSource>();
        var ids = new List<DeliveryId>();
        for (var i = 0; i < 6; i++)
        {
            var repository = (await own.NewRepositoryAsync()).Repository.Id;
            var name = Ref();
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            begun.Add(started);
            own.Processing.By[name] = async (_, stop) =>
            {
                started.TrySetResult();
                await (hang ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop) : Task.CompletedTask);
                return FakeProcessing.Done;
            };
            ids.Add(await AddAsync(own, repository, name));
            await NotifyAsync(own, repository);
        }

        await Task.WhenAll(begun.Select(b => b.Task)).WaitAsync(EngineCluster.Patience);
        hang = false;
        // Attempts on the other silo end with their time limit; those on the killed one end with it.
        await own.Cluster.KillSiloAsync(own.Cluster.Silos[1]);
        foreach (var id in ids)
        {
            using var patience = new CancellationTokenSource(EngineCluster.Patience);
            while ((await own.Deliveries.GetAsync(id, patience.Token))!.Outcome is null)
            {
                await own.Grains.GetGrain<IRecoveryGrain>(0).Sweep(patience.Token);
            }
        }
    }

    private static string Ref() => $"refs/heads/{Guid.CreateVersion7():N}";

    private static async Task<DeliveryId> AddAsync(EngineCluster engine, RepositoryId repository, string name) =>
        (
            await engine.Deliveries.AddAsync(
                new NewDelivery
                {
                    Repository = repository,
                    EventName = "push",
                    Event = new ForgePush { Ref = name, After = new('a', 40) },
                    RefKey = name,
                    ContentKey = Guid.CreateVersion7().ToString(),
                }
            )
        ).Id;

    private static Task NotifyAsync(EngineCluster engine, RepositoryId repository) =>
        engine.Grains.GetGrain<IRepositoryInboxGrain>(repository.Value).Received();
}
