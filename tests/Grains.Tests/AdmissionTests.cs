using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>A limit of one slot, on its own cluster.</summary>
public sealed class AdmissionTests
{
    [Fact]
    public async Task Limit_One_OthersWaitAndFollow_AlsoAfterTheAdmissionWasDeactivated()
    {
        await using var engine = new EngineCluster { AdmissionLimit = 1 };
        await engine.InitializeAsync();
        var stop = TestContext.Current.CancellationToken;
        TaskCompletionSource<ExecutionReport> gate = null!;
        var first = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => gate = engine.Executor.Hold(r, "a"));
        await engine.Executor.Started(first, "a");
        var second = await engine.StartAsync(Of(Job("j", JobType.Build, Step("b"))));
        var admission = engine.Grains.GetGrain<IAdmissionGrain>("fake");
        await engine.UntilAsync(second, v => v.Status == Status.Running);
        var grain = engine.Grains.GetGrain<IPipelineRunGrain>(second.Value);
        // The admission knows that it waits before the execution itself does.
        using var patience = new CancellationTokenSource(EngineCluster.Patience);
        while (!(await grain.WaitReasons(patience.Token)).ContainsValue(WaitReason.Slot("fake", 0, 1)))
        {
            await grain.Touch(patience.Token);
        }

        Assert.Single((await admission.View(stop)).Waiting);
        await engine.Cluster.DeactivateAsync(admission);
        await grain.Touch(stop);
        Assert.Single((await admission.View(stop)).Holders);
        Assert.DoesNotContain(engine.Executor.Commands, c => c.StepName == "b");
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(second)).Run.Status);
        Assert.Equal(Status.Success, (await engine.EndAsync(first)).Run.Status);
    }
}
