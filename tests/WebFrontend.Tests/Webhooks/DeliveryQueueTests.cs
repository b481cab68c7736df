using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Webhooks;

/// <summary>What happens between the response to the forge and the run: outages, crashes, order, and what people see.</summary>
public sealed class DeliveryQueueTests(ApiFixture api)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<Exception> Outages =>
        [
            new ForgeException(ForgeException.Unreachable, "The forge is away."),
            new ForgeRequestException(ForgeRequestException.Unauthorized, "The token was revoked.", isTransient: false, 401),
            new ForgeRequestException(ForgeRequestException.Unavailable, "502", isTransient: true, 502),
            new ForgeRequestException(
                ForgeRequestException.RateLimited,
                "Slow down.",
                isTransient: true,
                429,
                TimeSpan.FromMilliseconds(10)
            ),
            new StorageUnavailableException("The database is away."),
            new InvalidOperationException("A bug."),
        ];

    [Theory]
    [MemberData(nameof(Outages), DisableDiscoveryEnumeration = true)]
    public async Task Outage_DelaysAndLosesNothing_InOrder_AndOtherRepositoriesContinue(Exception outage)
    {
        await using var server = await FastServerAsync();
        using var bench = await WebhookBench.CreateAsync(server);
        using var other = await WebhookBench.CreateAsync(server);
        var forge = server.Services.GetRequiredService<SignedForge>();
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var isAway = true;
        var failures = 0;
        forge.BeforeRead = gitRef =>
        {
            if (!isAway || gitRef != "refs/heads/feature")
            {
                return Task.CompletedTask;
            }

            if (++failures == 3)
            {
                failed.SetResult();
            }

            throw outage;
        };
        var one = bench.Commit("feature", WebhookBench.File, "one");
        var two = bench.Commit("feature", WebhookBench.File, "two");
        var first = await bench.SendAsync(WebhookBench.Push(one, null, "refs/heads/feature"));
        var second = await bench.SendAsync(WebhookBench.Push(two, one, "refs/heads/feature"));
        await failed.Task.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        var waiting = await bench.Deliveries.GetAsync(DeliveryId.Parse(first), Stop);
        Assert.Null(waiting!.Outcome);
        Assert.Equal(outage.Message, waiting.Failure);
        Assert.Equal(0, (await bench.Deliveries.GetAsync(DeliveryId.Parse(second), Stop))!.Attempts);
        Assert.Equal(DeliveryOutcome.RunCreated, (await other.DeliverAsync(WebhookBench.Push(other.Git("rev-parse", "HEAD")))).Outcome);

        isAway = false;
        await bench.OutcomeAsync(first);
        await bench.OutcomeAsync(second);
        Assert.Equal([two, one], (await bench.RunsAsync()).Select(r => PushTests.Text(r, "git_sha")));
    }

    [Fact]
    public async Task CommitThatTheHostDoesNotHave_IsRetriedAFewTimes_AndThenAnError()
    {
        await using var server = await FastServerAsync();
        using var bench = await WebhookBench.CreateAsync(server);
        var row = await bench.DeliverAsync(WebhookBench.Push(new('a', 40)));
        Assert.Equal((DeliveryOutcome.Error, 6), (row.Outcome, row.Attempts));
        Assert.Contains("is not a branch, tag or commit", row.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delivery_ThatNeverSucceeds_IsGivenUp()
    {
        await using var server = await FastServerAsync(o => o.DeliveryTimeout = TimeSpan.FromMilliseconds(1));
        using var bench = await WebhookBench.CreateAsync(server);
        server.Services.GetRequiredService<SignedForge>().BeforeRead = _ => throw new ForgeException(ForgeException.Unreachable, "Away.");
        var row = await bench.DeliverAsync(WebhookBench.Push(bench.Git("rev-parse", "HEAD")));
        Assert.Equal(DeliveryOutcome.GaveUp, row.Outcome);
        Assert.EndsWith("the last one failed: Away.", row.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Crash_AfterTheRunAndBeforeTheOutcome_MakesNoSecondRun()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var created = await bench.DeliverAsync(WebhookBench.Push(bench.Git("rev-parse", "HEAD")));
        // The state that a crash leaves behind: the run exists, its delivery waits. The coordinator's key is forgotten, too.
        var database = server.Services.GetRequiredService<Npgsql.NpgsqlDataSource>();
        await using (
            var crash = database.CreateCommand("UPDATE webhook_deliveries SET processed_at = NULL, outcome = NULL, attempts = attempts + 1")
        )
        {
            await crash.ExecuteNonQueryAsync(Stop);
        }

        await server.Services.GetRequiredService<IGrainFactory>().GetGrain<IRecoveryGrain>(0).Sweep(Stop);
        var again = await bench.OutcomeAsync($"{created.Id}");
        Assert.Equal(created.Runs, again.Runs);
        Assert.Single(await bench.RunsAsync());
    }

    [Fact]
    public async Task Deliveries_AreListedPageByPage_AndProcessedAgainByAWriter()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var a = bench.Git("rev-parse", "HEAD");
        var b = bench.Commit("main", WebhookBench.File);
        var first = await bench.DeliverAsync(WebhookBench.Push(a));
        var second = await bench.DeliverAsync(WebhookBench.Push(b, a));
        var page = await server.GetAsync($"/v1/repositories/{bench.Repository}/deliveries?limit=1");
        var newest = page.GetProperty("items").EnumerateArray().Single();
        Assert.Equal(($"{second.Id}", "run_created"), (ApiFixture.Id(newest), PushTests.Text(newest, "outcome")));
        Assert.Equal($"main at {b[..8]}", PushTests.Text(newest, "summary"));
        var rest = await server.GetAsync($"/v1/repositories/{bench.Repository}/deliveries?cursor={PushTests.Text(page, "next_cursor")}");
        Assert.Equal($"{first.Id}", ApiFixture.Id(rest.GetProperty("items").EnumerateArray().Single()));

        using (var reader = server.Client(await Security.BootstrapTokens.CreateAsync(server.Services, "reader", Security.Policies.Read)))
        {
            using var refused = await reader.PostAsync($"/v1/deliveries/{first.Id}/process", null, Stop);
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
            Assert.Equal($"{first.Id}", (await new Client.ShipinatorClient(reader).GetDeliveryAsync($"{first.Id}", Stop)).Id);
        }

        await new Client.ShipinatorClient(server.Admin).ProcessDeliveryAsync($"{first.Id}", Stop);
        var again = await bench.OutcomeAsync($"{first.Id}");
        Assert.Equal(2, again.Runs.Distinct().Count());
        Assert.StartsWith("token:admin", again.RequestedBy, StringComparison.Ordinal);
        Assert.StartsWith("token:admin", PushTests.Text(await bench.RunAsync(again), "actor"), StringComparison.Ordinal);
        using var missing = await server.Admin.PostAsync($"/v1/deliveries/{DeliveryId.New(TimeProvider.System)}/process", null, Stop);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    private Task<ApiServer> FastServerAsync(Action<Grains.EngineOptions>? configure = null) =>
        WebhookBench.ServerAsync(
            api,
            s =>
                s.Configure<Grains.EngineOptions>(o =>
                {
                    o.RetryDelay = TimeSpan.FromMilliseconds(5);
                    o.DeliveryRetrySlowest = TimeSpan.FromMilliseconds(20);
                    configure?.Invoke(o);
                })
        );
}
