namespace Shipinator.WebFrontend.Tests.Schedules;

/// <summary>Many due times at once, hosts that do not respond, and the death of a silo.</summary>
public sealed class ScheduleLoadTests : IAsyncLifetime
{
    private readonly ScheduleCluster _cluster = new();

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task ThousandSchedules_DueInTheSameMinute_AreTakenWithBoundedConcurrency()
    {
        var repositories = new List<GivenRepository>();
        for (var i = 0; i < 20; i++)
        {
            repositories.Add(
                await _cluster.RepositoryAsync([.. Enumerable.Range(0, 50).Select(n => $"{{ cron: \"0 3 * * *\", name: s{n} }}")])
            );
        }

        _cluster.Clock.Now = (await _cluster.Store.ListAsync(repositories[0].Row.Id))[0].NextAt!.Value;
        _cluster.Forge.ResetMost();
        await _cluster.UntilAsync(async () => !(await _cluster.Service<IScheduleFiring>(0).Due(1, [], [], CancellationToken.None)).Any());
        Assert.InRange(_cluster.Forge.Most, 2, 32);
        foreach (var repository in repositories)
        {
            Assert.Equal(
                Enumerable.Range(0, 50).Select(n => $"schedule:s{n}").Order(StringComparer.Ordinal),
                (await repository.RunsAsync()).Select(r => r.Actor).Order(StringComparer.Ordinal)
            );
            Assert.All(await _cluster.Store.ListAsync(repository.Row.Id), s => Assert.Equal(0, s.Failures + s.Attempts));
        }
    }

    [Fact]
    public async Task Repository_WhoseHostDoesNotRespond_DelaysNoOther()
    {
        await using var silent = await _cluster.RepositoryAsync([
            .. Enumerable.Range(0, 60).Select(n => $"{{ cron: \"0 3 * * *\", name: s{n} }}"),
        ]);
        await using var other = await _cluster.RepositoryAsync("{ cron: \"0 3 * * *\" }");
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _cluster.Forge.Before = r => r.Id == silent.Row.Id ? released.Task : Task.CompletedTask;
        _cluster.Forge.ResetMost();
        _cluster.Clock.Now = (await other.ScheduleAsync()).NextAt!.Value;
        await _cluster.UntilAsync(async () => (await other.ScheduleAsync()).LastRunId is not null);
        Assert.Empty(await silent.RunsAsync());
        Assert.InRange(_cluster.Forge.Most, 1, 5);
        released.SetResult();
        await _cluster.UntilAsync(async () => (await silent.RunsAsync()).Count == 60);
    }

    [Fact]
    public async Task Silo_KilledBetweenTheRunAndTheNextDueTime_TheOtherGoesOn_AndTheRunIsOne()
    {
        await using var repository = await _cluster.RepositoryAsync("{ cron: \"*/5 * * * *\" }");
        var schedule = await repository.ScheduleAsync();
        var due = schedule.NextAt!.Value;
        _cluster.Clock.Now = due;
        await using (var held = await HeldRow.OfAsync(_cluster.ConnectionString, schedule.Id))
        {
            await _cluster.UntilAsync(async () => (await repository.RunsAsync()).Count == 1);
            var client = _cluster.Cluster.Client;
            var host = await client.GetGrain<IManagementGrain>(0).GetActivationAddress(client.GetGrain<IScheduleGrain>(0));
            await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos.Single(s => s.SiloAddress.Equals(host)));
        }

        // The calls of the killed silo that were still under way end now, beside those of the silo that goes on.
        await _cluster.UntilAsync(async () => (await repository.ScheduleAsync()).NextAt == due.AddMinutes(5));
        _cluster.Clock.Now = due.AddMinutes(5);
        await _cluster.UntilAsync(async () => (await repository.ScheduleAsync()).NextAt == due.AddMinutes(10));
        Assert.Equal(2, (await repository.RunsAsync()).Count);
    }
}
