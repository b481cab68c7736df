using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>Nothing waits for ever: for a place, for its executor, for a runner. Each on a cluster with short limits.</summary>
public sealed class DeadlineTests
{
    [Fact]
    public async Task Queue_NoPlaceInTime_FailsWithTimeoutAndTheNextOneStillGetsIts()
    {
        await using var engine = new EngineCluster { AdmissionLimit = 1, Configure = o => o.QueueTimeout = TimeSpan.FromSeconds(1) };
        await engine.InitializeAsync();
        TaskCompletionSource<ExecutionReport> gate = null!;
        var first = await engine.BeginAsync(Of(Job("j", JobType.Build, Step("a"))), r => gate = engine.Executor.Hold(r, "a"));
        await engine.Executor.Begun(first, "a");
        var late = await engine.EndAsync(await engine.BeginAsync(Of(Job("j", JobType.Build, Step("b")))));
        Assert.Equal((Status.Failed, Reason.Timeout), (late.Step("b").Status, late.Step("b").Reason!.Value));
        Assert.Contains("No place at executor fake", late.Step("b").Detail, StringComparison.Ordinal);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(first)).Run.Status);
        Assert.Equal(Status.Success, (await engine.EndAsync(await engine.BeginAsync(Of(Job("j", JobType.Build, Step("c")))))).Run.Status);
        Assert.DoesNotContain(engine.Executor.Commands, c => c.StepName == "b");
    }

    [Fact]
    public async Task Submit_ExecutorNeverWell_FailsInItsWords()
    {
        await using var engine = new EngineCluster { Configure = o => o.SubmitTimeout = TimeSpan.FromMilliseconds(500) };
        await engine.InitializeAsync();
        var refusals = Enumerable.Range(0, 1000).Select(_ => ExecutorException.Transient("The quota is full.")).ToArray();
        var tree = await engine.EndAsync(
            await engine.BeginAsync(Of(Job("j", JobType.Deploy, Step("a"))), r => engine.Executor.Refuse(r, "a", refusals))
        );
        Assert.Equal(Status.Failed, tree.Step("a").Status);
        Assert.Contains("The quota is full.", tree.Step("a").Detail, StringComparison.Ordinal);
        Assert.Empty(engine.Executor.Commands);
    }

    [Fact]
    public async Task Claim_NoRunnerComes_IsStoppedAndFails()
    {
        await using var engine = new EngineCluster { Configure = o => o.ClaimTimeout = TimeSpan.FromMilliseconds(500) };
        await engine.InitializeAsync();
        var tree = await engine.EndAsync(
            await engine.BeginAsync(Of(Job("j", JobType.Deploy, Step("a"))), r => engine.Executor.NeverClaim(r, "a"))
        );
        Assert.Equal((Status.Failed, Reason.ExecutorError), (tree.Step("a").Status, tree.Step("a").Reason!.Value));
        Assert.Contains("No runner claimed the step", tree.Step("a").Detail, StringComparison.Ordinal);
        Assert.Empty(engine.Executor.Commands);
    }
}
