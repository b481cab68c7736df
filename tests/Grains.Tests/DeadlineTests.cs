using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>Waits are limited: for a slot, for the executor, for a runner. Each test has its own cluster with short limits.</summary>
public sealed class DeadlineTests
{
    [Fact]
    public async Task Queue_NoSlotInTime_FailsWithTimeoutAndTheNextOneStillGetsItsSlot()
    {
        await using var engine = new EngineCluster { AdmissionLimit = 1, Configure = o => o.QueueTimeout = TimeSpan.FromSeconds(1) };
        await engine.InitializeAsync();
        TaskCompletionSource<ExecutionReport> gate = null!;
        var first = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => gate = engine.Executor.Hold(r, "a"));
        await engine.Executor.Started(first, "a");
        var late = await engine.EndAsync(await engine.StartAsync(Of(Job("j", JobType.Build, Step("b")))));
        Assert.Equal((Status.Failed, Reason.Timeout), (late.Step("b").Status, late.Step("b").Reason!.Value));
        Assert.Contains("No slot on executor \"fake\"", late.Step("b").Detail, StringComparison.Ordinal);
        gate.SetResult(FakeExecutor.Success);
        var ended = await engine.EndAsync(first);
        Assert.Equal(Status.Success, ended.Run.Status);
        // Its slot is released after its end.
        await engine.SettledAsync(ended);
        Assert.Equal(Status.Success, (await engine.EndAsync(await engine.StartAsync(Of(Job("j", JobType.Build, Step("c")))))).Run.Status);
        Assert.DoesNotContain(engine.Executor.Commands, c => c.StepName == "b");
    }

    [Fact]
    public async Task Queue_SlotGrantedInTime_IsUsedHoweverLateThatIsNoticed()
    {
        var stop = TestContext.Current.CancellationToken;
        var clock = new AdvancedClock();
        await using var engine = new EngineCluster
        {
            AdmissionLimit = 1,
            Clock = clock,
            Configure = o => o.ReconcilePeriod = TimeSpan.FromMinutes(10),
        };
        await engine.InitializeAsync();
        engine.Faults.Call = (_, method) =>
            method == nameof(IExecutionGrain.Admitted) ? new InvalidOperationException("The hint is lost.") : null;
        TaskCompletionSource<ExecutionReport> gate = null!;
        var first = await engine.StartAsync(Patient("a"), r => gate = engine.Executor.Hold(r, "a"));
        await engine.Executor.Started(first, "a");
        var second = await engine.StartAsync(Patient("b"));
        var admission = engine.Grains.GetGrain<IAdmissionGrain>("fake");
        using var patience = new CancellationTokenSource(EngineCluster.Patience);
        AdmissionView view;
        while ((view = await admission.View(patience.Token)).Waiting.IsEmpty)
        {
            await engine.Grains.GetGrain<IPipelineRunGrain>(second.Value).Touch(patience.Token);
        }

        var waiting = view.Waiting[0].Execution;
        gate.SetResult(FakeExecutor.Success);
        while ((await admission.View(patience.Token)).Holders.All(h => h.Execution != waiting))
        {
            await Task.Yield();
        }

        clock.Advance(TimeSpan.FromHours(25));
        await engine.Grains.GetGrain<IExecutionGrain>(waiting.Value).Touch(stop);
        Assert.Equal(Status.Success, (await engine.EndAsync(second)).Run.Status);

        static RunPlan Patient(string step) =>
            Of(Job("j", JobType.Build, Step(step) with { Timeout = TimeSpan.FromDays(30) }) with { Timeout = TimeSpan.FromDays(30) });
    }

    [Fact]
    public async Task Submit_ExecutorNeverRecovers_FailsWithItsMessage()
    {
        await using var engine = new EngineCluster { Configure = o => o.SubmitTimeout = TimeSpan.FromMilliseconds(500) };
        await engine.InitializeAsync();
        var refusals = Enumerable.Range(0, 1000).Select(_ => ExecutorException.Transient("The quota is full.")).ToArray();
        var tree = await engine.EndAsync(
            await engine.StartAsync(Of(Job("j", JobType.Deploy, Step("a"))), r => engine.Executor.Refuse(r, "a", refusals))
        );
        Assert.Equal(Status.Failed, tree.Step("a").Status);
        Assert.Contains("The quota is full.", tree.Step("a").Detail, StringComparison.Ordinal);
        Assert.Empty(engine.Executor.Commands);
    }

    [Fact]
    public async Task Claim_NoRunner_IsCanceledAndFails()
    {
        await using var engine = new EngineCluster { Configure = o => o.ClaimTimeout = TimeSpan.FromMilliseconds(500) };
        await engine.InitializeAsync();
        var tree = await engine.EndAsync(
            await engine.StartAsync(Of(Job("j", JobType.Deploy, Step("a"))), r => engine.Executor.NeverClaim(r, "a"))
        );
        Assert.Equal((Status.Failed, Reason.ExecutorError), (tree.Step("a").Status, tree.Step("a").Reason!.Value));
        Assert.Contains("No runner claimed the step", tree.Step("a").Detail, StringComparison.Ordinal);
        Assert.Empty(engine.Executor.Commands);
    }
}
