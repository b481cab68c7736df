using System.Collections.Immutable;
using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

public sealed class RunTests(EngineCluster engine)
{
    private static RunPlan ThreeStages { get; } =
        Of(
            Job("compile", JobType.Build, Step("a"), Step("b")),
            Job("unit", JobType.Test, Step("c"), Step("d")),
            Job("ship", JobType.Deploy, Step("e"))
        );

    [Fact]
    public async Task Run_AllSucceed_RunsEveryStepOnceInOrder()
    {
        var run = await engine.StartAsync(ThreeStages);
        var tree = await engine.EndAsync(run);
        Assert.Equal(Status.Success, tree.Run.Status);
        Assert.Equal(["a", "b", "c", "d", "e"], engine.Executor.Commands.Where(c => c.Worker.RunId == run).Select(c => c.StepName));
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Run_BuildFails_LaterStagesAreSkipped()
    {
        var run = await engine.StartAsync(
            ThreeStages,
            r => engine.Executor.Script(r, "a", (_, _) => Task.FromResult(FakeExecutor.Exit(3)))
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Failed, Reason.ExitCode), (tree.Run.Status, tree.Run.Reason!.Value));
        Assert.Equal((Status.Skipped, Reason.DependencyFailed), (tree.Job("ship").Status, tree.Job("ship").Reason!.Value));
        Assert.Equal((Status.Skipped, Reason.DependencyFailed), (tree.Step("b").Status, tree.Step("b").Reason!.Value));
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Run_JobsOfOneStage_RunInParallel()
    {
        var plan = Of(Job("one", JobType.Test, Step("x")), Job("two", JobType.Test, Step("y")));
        TaskCompletionSource<ExecutionReport> x = null!,
            y = null!;
        var run = await engine.StartAsync(plan, r => (x, y) = (engine.Executor.Hold(r, "x"), engine.Executor.Hold(r, "y")));
        await engine.Executor.Started(run, "x");
        await engine.Executor.Started(run, "y");
        x.SetResult(FakeExecutor.Success);
        y.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Run_SkippedByItsCommit_IsSuccessWithoutWork()
    {
        var run = await engine.StartAsync(ThreeStages with { SkipReason = "The commit says [ci skip]." });
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Success, "The commit says [ci skip]."), (tree.Run.Status, tree.Run.Detail));
        Assert.All(tree.Jobs, j => Assert.Equal(Status.Skipped, j.Status));
        Assert.DoesNotContain(engine.Executor.Commands, c => c.Worker.RunId == run);
    }

    [Fact]
    public async Task Run_ReusedJobs_AreNotRunAgain()
    {
        var at = await engine.NewRepositoryAsync();
        var first = await engine.EndAsync(await engine.StartAsync(ThreeStages, at: at));
        var run = await engine.StartAsync(
            ThreeStages,
            at: at,
            number: 2,
            reused: new Dictionary<string, JobId> { ["compile"] = first.Job("compile").Id }.ToImmutableDictionary()
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Success, Status.Skipped), (tree.Run.Status, tree.Job("compile").Status));
        Assert.Equal(["c", "d", "e"], engine.Executor.Commands.Where(c => c.Worker.RunId == run).Select(c => c.StepName));
    }

    [Fact]
    public async Task Create_Repeated_ChangesNothing()
    {
        var run = await engine.StartAsync(ThreeStages);
        await engine.EndAsync(run);
        var grain = engine.Grains.GetGrain<IPipelineRunGrain>(run.Value);
        var row = await grain.Get(TestContext.Current.CancellationToken);
        await grain.Touch(TestContext.Current.CancellationToken);
        Assert.Equal(row.Life, (await grain.Get(TestContext.Current.CancellationToken)).Life);
    }

    [Fact]
    public async Task WaitReasons_OfWhatIsNotTerminal_AreThereForEach()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var run = await engine.StartAsync(ThreeStages, r => gate = engine.Executor.Hold(r, "a"));
        await engine.Executor.Started(run, "a");
        await engine.UntilAsync(run, v => v.Status == Status.Running);
        var tree = await engine.TreeAsync(run);
        var grain = engine.Grains.GetGrain<IPipelineRunGrain>(run.Value);
        var waiting = await grain.WaitReasons(TestContext.Current.CancellationToken);
        Assert.Equal(WaitReason.Jobs(["compile"]), waiting[run.Value]);
        Assert.Equal(WaitReason.EarlierJobs(["compile"]), waiting[tree.Job("ship").Id.Value]);
        Assert.Equal(WaitReason.EarlierJobs(["compile"]), waiting[tree.Step("e").Id.Value]);
        Assert.Equal(WaitReason.Steps(["a"]), waiting[tree.Job("compile").Id.Value]);
        Assert.Equal(WaitReason.EarlierSteps(["a"]), waiting[tree.Step("b").Id.Value]);
        // An older silo asks for the words.
        var words = await grain.WaitingFor(TestContext.Current.CancellationToken);
        Assert.Equal("Running jobs: compile", words[run.Value]);
        Assert.Equal("Waiting for steps: a", words[tree.Step("b").Id.Value]);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
    }
}
