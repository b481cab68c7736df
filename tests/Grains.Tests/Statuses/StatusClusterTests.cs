using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>From a run's transitions to the forge, on two silos: hints may be lost, and a silo may die at any moment.</summary>
public sealed class StatusClusterTests : IAsyncLifetime
{
    private readonly StatusEngine _engine = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static RunPlan Plan { get; } = Of(Job("build", JobType.Build, Step("a")), Job("test", JobType.Test, Step("unit")));

    public ValueTask InitializeAsync() => _engine.InitializeAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Run_FromItsCreationToItsEnd_IsReported()
    {
        var at = await _engine.NewRepositoryAsync("crane");
        var run = await StartAsync(
            at,
            arrange: r => _engine.Engine.Executor.Script(r, "unit", (_, _) => Task.FromResult(FakeExecutor.Exit(3)))
        );
        await _engine.Engine.EndAsync(run);
        var posts = await _engine.Host.UntilAsync("harbour/crane", p => p.Count > 0 && p[^1].State == "failure");
        Assert.Equal("test / unit failed: exit code 3", posts[^1].Description);
        Assert.Equal($"http://ci.example/runs/{run}", posts[^1].TargetUrl);
        Assert.All(posts.SkipLast(1), p => Assert.Equal("pending", p.State));
        Assert.InRange(posts.Count, 1, 4);
        await SettledAsync();
        Assert.Equal(posts.Count, _engine.Host.Received("harbour/crane").Count);
    }

    [Fact]
    public async Task Step_ThatMayFail_IsNotNamedAsTheCause()
    {
        var at = await _engine.NewRepositoryAsync("lint");
        var plan = Of(Job("check", JobType.Test, Step("lint") with { AllowFailure = true }, Step("unit")));
        var run = await StartAsync(
            at,
            plan,
            r =>
            {
                _engine.Engine.Executor.Script(r, "lint", (_, _) => Task.FromResult(FakeExecutor.Exit(9)));
                _engine.Engine.Executor.Script(r, "unit", (_, _) => Task.FromResult(FakeExecutor.Exit(3)));
            }
        );
        await _engine.Engine.EndAsync(run);
        var posts = await _engine.Host.UntilAsync("harbour/lint", p => p.Count > 0 && p[^1].State == "failure");
        Assert.Equal("check / unit failed: exit code 3", posts[^1].Description);
    }

    [Fact]
    public async Task Hints_ThatAreLost_CostTimeOnly()
    {
        var at = await _engine.NewRepositoryAsync("deaf");
        _engine.Engine.Faults.Call = (type, _) =>
            type.Contains("StatusSender", StringComparison.Ordinal) ? new TimeoutException("Dead.") : null;
        var run = await StartAsync(at, register: false);
        await RegisterByOtherProcessAsync(at, run);
        await _engine.Engine.EndAsync(run);
        Assert.Empty(_engine.Host.Received("harbour/deaf"));
        _engine.Engine.Faults.Call = (_, _) => null;
        await _engine.Engine.Grains.GetGrain<IRecoveryGrain>(0).Sweep(Stop);
        await _engine.Host.UntilAsync("harbour/deaf", p => p is [{ State: "success" }]);
        await SettledAsync();
    }

    [Fact]
    public async Task Silo_KilledBeforeTheStatusesGoOut_TheOtherSendsThem()
    {
        // The first silo's posts never end.
        var names = Enumerable.Range(0, 6).Select(i => $"ship{i}").ToList();
        var isKilled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _engine.Host.Before = p => p.State == "success" ? isKilled.Task : Task.CompletedTask;
        foreach (var name in names)
        {
            await _engine.Engine.EndAsync(await StartAsync(await _engine.NewRepositoryAsync(name)));
        }

        Assert.All(names, n => Assert.DoesNotContain(_engine.Host.Accepted($"harbour/{n}"), p => p.State == "success"));
        await _engine.Engine.Cluster.KillSiloAsync(_engine.Engine.Cluster.Silos[1]);
        _engine.Host.Before = _ => Task.CompletedTask;
        isKilled.SetResult();
        foreach (var name in names)
        {
            await _engine.Engine.Grains.GetGrain<IRecoveryGrain>(0).Sweep(Stop);
            var posts = await _engine.Host.UntilAsync($"harbour/{name}", p => p.Count > 0 && p[^1].State == "success");
            Assert.All(posts, p => Assert.Contains(p.State, new[] { "pending", "success" }));
            // A post that the dead silo had begun may have arrived, too.
            Assert.InRange(posts.Count(p => p.State == "success"), 1, 2);
        }

        await SettledAsync();
    }

    [Fact]
    public async Task Rerun_ByTheOperation_TakesOverTheContext()
    {
        var at = await _engine.NewRepositoryAsync("again");
        var run = await StartAsync(
            at,
            arrange: r => _engine.Engine.Executor.Script(r, "unit", (_, _) => Task.FromResult(FakeExecutor.Exit(3)))
        );
        await _engine.Engine.EndAsync(run);
        await _engine.Host.UntilAsync("harbour/again", p => p.Count > 0 && p[^1].State == "failure");
        var before = await _engine.Engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).Get(Stop);
        var rerun = await _engine.Engine.StartAsync(
            Plan,
            at: at,
            number: 2,
            rerunOf: run,
            before: r => _engine.Statuses.RegisterRerunAsync(before, r, Stop)
        );
        var posts = await _engine.Host.UntilAsync("harbour/again", p => p.Count > 0 && p[^1].State == "success");
        Assert.Single(posts.Select(p => p.Context).Distinct());
        Assert.EndsWith(rerun.ToString(), posts[^1].TargetUrl, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OfAPersonWithoutACredential_IsNotReported_AndAWebhooksRunIs()
    {
        var at = await _engine.NewRepositoryAsync("bare");
        _engine.Credential.Value = null;
        await _engine.Statuses.RegisterAsync(at.Repository, StatusEngine.Commit, RunId.New(TimeProvider.System), ["manual"], Stop);
        Assert.Equal(
            0,
            await _engine.ScalarAsync<long>($"SELECT count(*) FROM commit_statuses WHERE repository_id = '{at.Repository.Id}'")
        );
        await _engine.Statuses.RegisterAsync(at.Repository, StatusEngine.Commit, RunId.New(TimeProvider.System), ["push", "pr"], Stop);
        Assert.Equal(
            2,
            await _engine.ScalarAsync<long>($"SELECT count(*) FROM commit_statuses WHERE repository_id = '{at.Repository.Id}'")
        );
        var plain = await _engine.Engine.NewRepositoryAsync();
        await _engine.Statuses.RegisterAsync(plain.Repository, StatusEngine.Commit, RunId.New(TimeProvider.System), ["push"], Stop);
        Assert.Equal(
            0,
            await _engine.ScalarAsync<long>($"SELECT count(*) FROM commit_statuses WHERE repository_id = '{plain.Repository.Id}'")
        );
    }

    private Task<RunId> StartAsync(
        (Schema.Stores.RepositoryRow Repository, Schema.Stores.PipelineRow Pipeline) at,
        RunPlan? plan = null,
        Action<RunId>? arrange = null,
        bool register = true
    ) =>
        _engine.Engine.StartAsync(
            plan ?? Plan,
            arrange,
            at,
            before: run =>
                register ? _engine.Statuses.RegisterAsync(at.Repository, StatusEngine.Commit, run, ["push"], Stop) : Task.CompletedTask
        );

    /// <summary>Writes the row only, as a process does that dies before its hint.</summary>
    private Task RegisterByOtherProcessAsync((Schema.Stores.RepositoryRow Repository, Schema.Stores.PipelineRow Pipeline) at, RunId run) =>
        _engine.Store(TimeProvider.System).RegisterAsync(at.Repository.Id, StatusEngine.Commit, ["shipinator/push"], run, null, Stop);

    private async Task SettledAsync()
    {
        var start = TimeProvider.System.GetTimestamp();
        while (await _engine.ScalarAsync<long>("SELECT count(*) FROM commit_statuses WHERE progress <> 'settled'") > 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < EngineCluster.Patience, "A status did not settle.");
            await _engine.Engine.Grains.GetGrain<IRecoveryGrain>(0).Sweep(Stop);
        }
    }
}
