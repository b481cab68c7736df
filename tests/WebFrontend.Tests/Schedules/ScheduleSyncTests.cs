using Shipinator.Schema.Stores;
using Shipinator.Triggers;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Schedules;

namespace Shipinator.WebFrontend.Tests.Schedules;

/// <summary>Schedules follow the file of the default branch.</summary>
public sealed class ScheduleSyncTests(ScheduleCluster cluster) : IClassFixture<ScheduleCluster>
{
    private const string Nightly = "{ cron: \"0 3 * * *\", name: nightly }";
    private const string Hourly = "{ cron: \"0 * * * *\" }";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sync_WithoutAChange_KeepsDueTimesAndIds_AndWritesNothing()
    {
        await using var repository = await cluster.RepositoryAsync(Nightly, Hourly);
        var before = await cluster.Store.ListAsync(repository.Row.Id, Token);
        cluster.Clock.Now = (await FindAsync(repository, "0 * * * *")).NextAt!.Value.AddMinutes(-7);
        await repository.SyncAsync(Hourly, Nightly);
        Assert.Equivalent(before, await cluster.Store.ListAsync(repository.Row.Id, Token), strict: true);
    }

    [Fact]
    public async Task Sync_OfAnEarlierDueTime_KeepsItUntilItIsTaken()
    {
        await using var repository = await cluster.RepositoryAsync(Hourly);
        var due = (await repository.ScheduleAsync()).NextAt!.Value;
        // A sync after the due time, before it is taken, must not skip it.
        cluster.Clock.Now = due.AddSeconds(1);
        await repository.SyncAsync(Hourly);
        await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).LastAt == due);
        Assert.Single(await repository.RunsAsync());
    }

    [Fact]
    public async Task Entries_ComeChangeAndGo_WithTheFile()
    {
        await using var repository = await cluster.RepositoryAsync(Nightly, Hourly);
        var (nightly, hourly) = (await FindAsync(repository, "nightly"), await FindAsync(repository, "0 * * * *"));

        // A named entry that changes remains the same schedule, with another due time.
        await repository.SyncAsync(
            "{ cron: \"0 4 * * *\", name: nightly, branch: dev, timezone: Asia/Kathmandu }",
            "{ cron: \"5 * * * *\" }"
        );
        var changed = await FindAsync(repository, "nightly");
        Assert.Equal((nightly.Id, "0 4 * * *", "dev", "Asia/Kathmandu"), (changed.Id, changed.Cron, changed.Branch, changed.TimeZone));
        Assert.Equal(new TimeSpan(22, 15, 0), changed.NextAt!.Value.TimeOfDay);
        // One without a name is another schedule.
        Assert.NotEqual(hourly.Id, (await FindAsync(repository, "5 * * * *")).Id);
        Assert.Equal(2, (await cluster.Store.ListAsync(repository.Row.Id, Token)).Count);

        // An entry that returns is the schedule that it was.
        await repository.SyncAsync();
        Assert.Empty(await cluster.Store.ListAsync(repository.Row.Id, Token));
        Assert.True(await cluster.Store.GetAsync(nightly.Id, Token) is { RemovedAt: not null, NextAt: null });
        await repository.SyncAsync(Hourly);
        Assert.Equal(hourly.Id, (await repository.ScheduleAsync()).Id);
    }

    [Fact]
    public async Task FileWithErrors_ChangesNothing()
    {
        await using var repository = await cluster.RepositoryAsync(Nightly);
        var before = await repository.ScheduleAsync();
        repository.Write("main", GivenRepository.File("{ cron: \"0 25 * * *\" }"));
        await Assert.ThrowsAsync<PipelineFileException>(() => cluster.Service<RepositoryRegistry>(1).SyncAsync(repository.Row.Id, Token));
        Assert.Equivalent(before, await repository.ScheduleAsync(), strict: true);
    }

    [Fact]
    public async Task Disabled_SurvivesSyncsAndReturns_AndStartsNothing()
    {
        await using var repository = await cluster.RepositoryAsync(Hourly);
        var id = (await repository.ScheduleAsync()).Id;
        var people = cluster.Service<ScheduleSwitch>(1);
        await people.SetEnabledAsync(id, false, Actor.System, Token);
        await repository.SyncAsync(Hourly, Nightly);
        await repository.SyncAsync();
        await repository.SyncAsync(Hourly);
        var disabled = await repository.ScheduleAsync();
        Assert.Equal((id, false, null), (disabled.Id, disabled.Enabled, disabled.NextAt));
        cluster.Clock.Now = cluster.Clock.Now.AddHours(30);
        Assert.DoesNotContain(await cluster.Service<IScheduleFiring>(0).Due(100, [], [], Token), s => s.Repository == repository.Row.Id);

        // The due times that passed while it was off are not made up for.
        var enabled = await people.SetEnabledAsync(id, true, Actor.System, Token);
        Assert.True(enabled.NextAt > cluster.Clock.Now);
        Assert.Empty(await repository.RunsAsync());
    }

    [Fact]
    public async Task Removed_SinceItWasListed_StartsNothing()
    {
        await using var repository = await cluster.RepositoryAsync(Hourly);
        var schedule = await repository.ScheduleAsync();
        var due = new DueSchedule(schedule.Id, repository.Row.Id, schedule.NextAt!.Value);
        await repository.SyncAsync();
        cluster.Clock.Now = due.DueAt;
        await cluster.Service<IScheduleFiring>(0).Fire(due, Token);
        Assert.Empty(await repository.RunsAsync());
        var error = await Assert.ThrowsAsync<NotFoundException>(() =>
            cluster.Service<ScheduleSwitch>(0).SetEnabledAsync(schedule.Id, true, Actor.System, Token)
        );
        Assert.Contains(schedule.Id.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RemovedFromTheFile_ButNotSyncedYet_StartsNothing()
    {
        await using var repository = await cluster.RepositoryAsync(Hourly);
        repository.Write("main", GivenRepository.File(Nightly));
        cluster.Clock.Now = (await repository.ScheduleAsync()).NextAt!.Value;
        await repository.FireAsync(0, Token);
        Assert.Empty(await repository.RunsAsync());
        Assert.Contains("does not define the schedule '0 * * * *'", (await repository.ScheduleAsync()).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunNow_DoesNotChangeWhenItIsDue_AndIsOnePerKey()
    {
        await using var repository = await cluster.RepositoryAsync(Nightly);
        var before = await repository.ScheduleAsync();
        var people = cluster.Service<ScheduleSwitch>(0);
        var actor = new Actor(ActorKind.Token, "ada");
        var run = await people.RunAsync(before.Id, actor, "key", Token);
        var again = await people.RunAsync(before.Id, actor, "key", Token);
        Assert.Equal((run.Id, true), (again.Id, again.IsRepeat));
        var view = Assert.Single(await repository.RunsAsync());
        Assert.Equal(("token:ada", "schedule", "Started by hand from schedule 'nightly'."), (view.Actor, view.Event, view.Note));
        var after = await repository.ScheduleAsync();
        Assert.Equal((before.NextAt, null, run.Id), (after.NextAt, after.LastAt, after.LastRunId));
    }

    private async Task<ScheduleRow> FindAsync(GivenRepository repository, string label) =>
        (await cluster.Store.ListAsync(repository.Row.Id, Token)).Single(s => s.Label == label);
}
