using Microsoft.Extensions.Time.Testing;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>The queue of deliveries: what is a duplicate, what is next, and what is deleted.</summary>
public sealed class DeliveryStoreTests(PostgresFixture postgres)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Add_Concurrently_OneIdAndOneContent_IsStoredOnceAndRunsOnce()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var store = new DeliveryStore(db.Source, TimeProvider.System);
        var copies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => store.AddAsync(Delivery(db, "id", "a..b"), Stop)));
        Assert.Single(copies.Select(c => c.Id).Distinct());
        Assert.Single(copies, c => !c.IsRepeat);
        var others = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => store.AddAsync(Delivery(db, $"{i}", "b..c"), Stop)));
        Assert.Equal(20, others.Select(c => c.Id).Distinct().Count());
        Assert.Single(others, o => o.IsWaiting);
        // Without an id of the forge, and without a content, each one counts.
        Assert.True((await store.AddAsync(Delivery(db, null, null), Stop)).IsWaiting);
        Assert.True((await store.AddAsync(Delivery(db, null, null), Stop)).IsWaiting);
        await Assert.ThrowsAsync<NotFoundException>(() =>
            store.AddAsync(Delivery(db, "x", null) with { Repository = RepositoryId.New(TimeProvider.System) }, Stop)
        );
    }

    [Fact]
    public async Task Content_AfterAFailure_IsProcessedAgain()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var store = new DeliveryStore(db.Source, TimeProvider.System);
        var queue = new WaitingDeliveries(db.Source, TimeProvider.System);
        var first = await store.AddAsync(Delivery(db, "1", "a..b"), Stop);
        Assert.False((await store.AddAsync(Delivery(db, "2", "a..b"), Stop)).IsWaiting);
        await queue.Complete(first.Id, new(DeliveryOutcome.Error, "It failed."), Stop);
        Assert.True((await store.AddAsync(Delivery(db, "3", "a..b"), Stop)).IsWaiting);
    }

    [Fact]
    public async Task Attempt_BegunTwice_IsRefusedTheSecondTime_AndAnOutcomeIsFinal()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var store = new DeliveryStore(db.Source, TimeProvider.System);
        var queue = new WaitingDeliveries(db.Source, TimeProvider.System);
        var id = (await store.AddAsync(Delivery(db, "1", "a..b"), Stop)).Id;
        var queued = (await queue.Next(db.Repository.Id, Stop))!;
        Assert.Equal((id, 0), (queued.Id, queued.Attempts));
        Assert.Equal([db.Repository.Id], await queue.Due(Stop));
        Assert.True(await queue.Begin(queued, TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1), Stop));
        Assert.False(await queue.Begin(queued, TimeProvider.System.GetUtcNow(), Stop));
        Assert.Empty(await queue.Due(Stop));

        var reserved = await store.ReserveAsync(id, new(RunId.New(TimeProvider.System), 4, false), Stop);
        var again = await store.ReserveAsync(id, new(RunId.New(TimeProvider.System), 5, false), Stop);
        Assert.Equal((reserved.RunId, 4L, true), (again.RunId, again.RunNumber, again.IsRepeat));
        Assert.Equal(reserved.RunId, (await queue.Next(db.Repository.Id, Stop))!.Reserved!.RunId);

        var error = new FileError
        {
            Code = "bad",
            Message = "Bad.",
            File = "f",
            Line = 3,
            Column = 1,
        };
        await queue.Complete(id, new(DeliveryOutcome.RunCreated) { Run = reserved.RunId, FileErrors = [error] }, Stop);
        await queue.Complete(id, new(DeliveryOutcome.Error, "Late."), Stop);
        await queue.Postpone(id, "Late.", TimeProvider.System.GetUtcNow(), Stop);
        var row = (await store.GetAsync(id, Stop))!;
        Assert.Equal((DeliveryOutcome.RunCreated, (string?)null), (row.Outcome, row.Failure));
        Assert.Equal([reserved.RunId], row.Runs);
        Assert.Equal([error], row.FileErrors);
        Assert.Null(await queue.Next(db.Repository.Id, Stop));

        Assert.True(await store.RequeueAsync(id, "token:ada", Stop));
        Assert.False(await store.RequeueAsync(id, "token:ada", Stop));
        var round = (await queue.Next(db.Repository.Id, Stop))!;
        Assert.Equal((1, 0, "token:ada"), (round.Round, round.Attempts, round.RequestedBy));
        Assert.Null(round.Reserved);
    }

    [Fact]
    public async Task Prune_DeletesWhatEndedLongAgo_AndKeepsWhatWaits()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var clock = new FakeTimeProvider(new(2030, 5, 17, 12, 0, 0, TimeSpan.Zero));
        var store = new DeliveryStore(db.Source, clock);
        var queue = new WaitingDeliveries(db.Source, clock);
        var ended = await store.AddAsync(Delivery(db, "1", "a..b"), Stop);
        await queue.Complete(ended.Id, new(DeliveryOutcome.Filtered, "x"), Stop);
        var waiting = await store.AddAsync(Delivery(db, "2", "b..c"), Stop);
        Assert.Equal(0, await store.PruneAsync(100, Stop));
        clock.Advance(DeliveryStore.Retention + TimeSpan.FromMinutes(1));
        var fresh = await store.AddAsync(Delivery(db, "3", "c..d") with { Result = new(DeliveryOutcome.Ping) }, Stop);
        Assert.Equal(1, await store.PruneAsync(100, Stop));
        var left = await store.ListAsync(db.Repository.Id, new PageRequest(), Stop);
        Assert.Equal([fresh.Id, waiting.Id], left.Items.Select(d => d.Id));
    }

    private static NewDelivery Delivery(TestDatabase db, string? id, string? content) =>
        new()
        {
            Repository = db.Repository.Id,
            ForgeDeliveryId = id,
            EventName = "push",
            Event = new ForgePush
            {
                Ref = "refs/heads/main",
                After = new('a', 40),
                Message = "\0 is stored as it is",
            },
            RefKey = content is null ? null : "refs/heads/main",
            ContentKey = content,
        };
}
