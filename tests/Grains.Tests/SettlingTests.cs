using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>What follows an end: every part is done, whatever happens to the others, also when a silo dies in between.</summary>
public sealed class SettlingTests : IAsyncLifetime
{
    private readonly EngineCluster _engine = new() { AdmissionLimit = 4 };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => _engine.InitializeAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Log_AdmissionUnreachable_IsSealedAnyway()
    {
        _engine.Faults.Call = (type, method) =>
            method == nameof(IAdmissionGrain.Release) ? new TimeoutException("The silo is dead.") : null;
        var run = await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))));
        var tree = await _engine.EndAsync(run);
        var execution = tree.Step("a").Executions[0].Id;
        await _engine.Logs.WhenSealed(execution);
        Assert.Contains(execution.Value, await _engine.UnsettledAsync());
        _engine.Faults.Call = (_, _) => null;
        await _engine.SettledAsync(tree);
        Assert.Empty((await _engine.Grains.GetGrain<IAdmissionGrain>("fake").View(Stop)).Holders);
    }

    [Fact]
    public async Task Slot_LogStoreFails_IsReleasedAnyway()
    {
        _engine.Logs.Refuses = _ => new IOException("The disk is full.");
        // Four slots: all would be in use.
        var trees = new List<Tree>();
        for (var i = 0; i < 6; i++)
        {
            trees.Add(await _engine.EndAsync(await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))))));
        }

        Assert.All(trees, t => Assert.Equal(Status.Success, t.Run.Status));
        Assert.Empty(_engine.Logs.Sealed);
        _engine.Logs.Refuses = _ => null;
        foreach (var tree in trees)
        {
            await _engine.SettledAsync(tree);
            Assert.True(_engine.Logs.Sealed.ContainsKey(tree.Step("a").Executions[0].Id));
        }
    }

    [Fact]
    public async Task Execution_DeactivatedBeforeItSettled_IsFoundByRecovery()
    {
        _engine.Logs.Refuses = _ => new IOException("The disk is full.");
        var tree = await _engine.EndAsync(await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a")))));
        var execution = tree.Step("a").Executions[0].Id;
        await _engine.Cluster.DeactivateAsync(_engine.Grains.GetGrain<IExecutionGrain>(execution.Value));
        _engine.Logs.Refuses = _ => null;
        Assert.False(_engine.Logs.Sealed.ContainsKey(execution));
        Assert.Contains(execution.Value, await _engine.UnsettledAsync());
        await _engine.Grains.GetGrain<IRecoveryGrain>(0).Sweep(Stop);
        await _engine.Logs.WhenSealed(execution);
        await _engine.SettledAsync(tree);
    }

    [Fact]
    public async Task Silo_KilledBeforeItsRunsSettled_EveryLogIsSealedAndEveryWorkerReleased()
    {
        _engine.Logs.Refuses = _ => new IOException("The disk is full.");
        _engine.Faults.Call = (_, method) =>
            method is nameof(IExecutionGrain.ReleaseWorker) or nameof(IAdmissionGrain.Release) ? new TimeoutException("Dead.") : null;
        var trees = new List<Tree>();
        for (var i = 0; i < 4; i++)
        {
            trees.Add(await _engine.EndAsync(await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))))));
        }

        Assert.Empty(_engine.Logs.Sealed);
        Assert.Empty(_engine.Executor.Released);
        await _engine.Cluster.KillSiloAsync(_engine.Cluster.Silos[1]);
        _engine.Logs.Refuses = _ => null;
        _engine.Faults.Call = (_, _) => null;
        foreach (var tree in trees)
        {
            await _engine.Logs.WhenSealed(tree.Step("a").Executions[0].Id);
            await _engine.SettledAsync(tree);
            Assert.True(_engine.Executor.Released.ContainsKey((tree.Job("j").Id, 1)));
            tree.AssertHistoryFolds();
        }
    }

    [Fact]
    public async Task Job_DeactivatedBeforeItReleasedItsWorker_IsFoundByRecovery()
    {
        _engine.Faults.Call = (_, method) => method == nameof(IExecutionGrain.ReleaseWorker) ? new TimeoutException("Dead.") : null;
        var tree = await _engine.EndAsync(await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a")))));
        var job = tree.Job("j").Id;
        await _engine.Cluster.DeactivateAsync(_engine.Grains.GetGrain<IJobGrain>(job.Value));
        Assert.False(_engine.Executor.Released.ContainsKey((job, 1)));
        _engine.Faults.Call = (_, _) => null;
        await _engine.SettledAsync(tree);
        Assert.True(_engine.Executor.Released.ContainsKey((job, 1)));
    }

    [Fact]
    public async Task Run_DeactivatedBeforeItLeftItsGroup_LeavesItByRecovery()
    {
        var at = await _engine.NewRepositoryAsync();
        var plan = Of(Job("j", JobType.Build, Step("a"))) with { Concurrency = new("g", CancelPrevious: false) };
        _engine.Faults.Call = (_, method) => method == nameof(IRepositoryGrain.Leave) ? new TimeoutException("Dead.") : null;
        var tree = await _engine.EndAsync(await _engine.StartAsync(plan, at: at));
        var repository = _engine.Grains.GetGrain<IRepositoryGrain>(at.Repository.Id.Value);
        var next = new TurnRequest(RunId.New(TimeProvider.System), 2, "g", CancelPrevious: false);
        Assert.False((await repository.RequestTurn(next, Stop)).Granted);
        await _engine.Cluster.DeactivateAsync(_engine.Grains.GetGrain<IPipelineRunGrain>(tree.Run.Id.Value));
        _engine.Faults.Call = (_, _) => null;
        await _engine.SettledAsync(tree);
        Assert.True((await repository.RequestTurn(next, Stop)).Granted);
    }

    [Fact]
    public async Task Execution_FailedBeforeItWasQueued_HasASealedLog()
    {
        var tree = await _engine.EndAsync(await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a") with { Secrets = ["ABSENT"] }))));
        Assert.Equal(Reason.ConfigError, tree.Step("a").Reason);
        await _engine.Logs.WhenSealed(tree.Step("a").Executions[0].Id);
    }

    [Fact]
    public async Task Worker_FirstExecutionNeverWritten_IsReleasedAnyway()
    {
        _engine.Faults.BeforeWrite = row => row is ExecutionRecord { Spec.StepName: "x" } ? Faults.Unavailable : null;
        var plan = Of(Job("j", JobType.Deploy, Step("x") with { ParallelGroup = "g" }, Step("y") with { ParallelGroup = "g" }));
        var run = await _engine.StartAsync(plan, r => _engine.Executor.Hold(r, "y"));
        await _engine.Executor.Started(run, "y");
        await _engine
            .Grains.GetGrain<IPipelineRunGrain>(run.Value)
            .Cancel(new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Canceled by Ada.", "token:ada"), Stop);
        var tree = await _engine.EndAsync(run);
        Assert.Empty(tree.Step("x").Executions);
        await _engine.SettledAsync(tree);
        Assert.True(_engine.Executor.Released.ContainsKey((tree.Job("j").Id, 1)));
    }

    [Fact]
    public async Task Slot_OfAnExecutionThatEndedWhileItWaited_GoesToTheNext()
    {
        var gates = new List<TaskCompletionSource<ExecutionReport>>();
        var plan = Of(Job("j", JobType.Build, Step("a")));
        var working = new List<RunId>();
        for (var i = 0; i < 4; i++)
        {
            working.Add(await _engine.StartAsync(plan, r => gates.Add(_engine.Executor.Hold(r, "a"))));
            await _engine.Executor.Started(working[^1], "a");
        }

        // It leaves the queue, but the admission does not learn of it.
        _engine.Faults.Call = (_, method) => method == nameof(IAdmissionGrain.Release) ? new TimeoutException("Dead.") : null;
        var admission = _engine.Grains.GetGrain<IAdmissionGrain>("fake");
        var canceled = await _engine.StartAsync(plan);
        while ((await admission.View(Stop)).Waiting.Length < 1)
        {
            await _engine.Grains.GetGrain<IPipelineRunGrain>(canceled.Value).Touch(Stop);
        }

        await _engine
            .Grains.GetGrain<IPipelineRunGrain>(canceled.Value)
            .Cancel(new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Canceled by Ada.", "token:ada"), Stop);
        var tree = await _engine.EndAsync(canceled);
        await _engine.Cluster.DeactivateAsync(_engine.Grains.GetGrain<IExecutionGrain>(tree.Step("a").Executions[0].Id.Value));
        Assert.Single((await admission.View(Stop)).Waiting);
        _engine.Faults.Call = (_, _) => null;
        var next = await _engine.StartAsync(plan);
        gates[0].SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(next)).Run.Status);
        gates.ForEach(g => g.TrySetResult(FakeExecutor.Success));
        foreach (var run in working)
        {
            await _engine.EndAsync(run);
        }
    }
}
