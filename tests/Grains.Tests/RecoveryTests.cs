using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>Activations may end at any moment: the rows restore everything.</summary>
public sealed class RecoveryTests(EngineCluster engine)
{
    private static RunPlan TwoJobs { get; } = Of(Job("compile", JobType.Build, Step("a"), Step("b")), Job("unit", JobType.Test, Step("c")));

    [Fact]
    public async Task Grains_DeactivatedDuringARun_TheRunEndsAndNoStepRunsTwice()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var run = await engine.StartAsync(TwoJobs, r => gate = engine.Executor.Hold(r, "b"));
        var spec = await engine.Executor.Started(run, "b");
        await engine.Cluster.DeactivateAsync(engine.Grains.GetGrain<IPipelineRunGrain>(run.Value));
        await engine.Cluster.DeactivateAsync(engine.Grains.GetGrain<IJobGrain>(spec.Worker.JobId.Value));
        await engine.Cluster.DeactivateAsync(engine.Grains.GetGrain<IExecutionGrain>(spec.ExecutionId.Value));
        gate.SetResult(FakeExecutor.Success);
        var tree = await engine.EndAsync(run);
        Assert.Equal(Status.Success, tree.Run.Status);
        Assert.Equal(["a", "b", "c"], engine.Executor.Commands.Where(c => c.Worker.RunId == run).Select(c => c.StepName));
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Job_DeactivatedWhenItsExecutionEnds_FindsTheResultByItself()
    {
        var run = await engine.StartAsync(
            TwoJobs,
            r =>
                engine.Executor.Script(
                    r,
                    "b",
                    async (spec, _) =>
                    {
                        await engine.Cluster.DeactivateAsync(engine.Grains.GetGrain<IJobGrain>(spec.Worker.JobId.Value));
                        return FakeExecutor.Success;
                    }
                )
        );
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Recovery_Sweep_TouchesWhatIsNotTerminal()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var run = await engine.StartAsync(TwoJobs, r => gate = engine.Executor.Hold(r, "a"));
        await engine.Executor.Started(run, "a");
        await engine.Cluster.DeactivateAsync(engine.Grains.GetGrain<IPipelineRunGrain>(run.Value));
        await engine.Grains.GetGrain<IRecoveryGrain>(0).Sweep(TestContext.Current.CancellationToken);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Silo_Killed_TheOtherContinuesItsRuns()
    {
        // Its own cluster: other tests keep their silos.
        var own = new EngineCluster();
        await own.InitializeAsync();
        await using var _ = own;
        var gates = new List<TaskCompletionSource<ExecutionReport>>();
        var runs = new List<RunId>();
        for (var i = 0; i < 8; i++)
        {
            runs.Add(await own.StartAsync(TwoJobs, r => gates.Add(own.Executor.Hold(r, "b"))));
        }

        foreach (var run in runs)
        {
            await own.Executor.Started(run, "b");
        }

        await own.Cluster.KillSiloAsync(own.Cluster.Silos[1]);
        gates.ForEach(g => g.SetResult(FakeExecutor.Success));
        foreach (var run in runs)
        {
            var tree = await own.EndAsync(run);
            Assert.Equal(Status.Success, tree.Run.Status);
            Assert.Equal(["a", "b", "c"], own.Executor.Commands.Where(c => c.Worker.RunId == run).Select(c => c.StepName));
            tree.AssertHistoryFolds();
        }
    }
}
