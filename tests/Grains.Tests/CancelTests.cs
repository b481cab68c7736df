using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

public sealed class CancelTests(EngineCluster engine)
{
    private static CancelRequest ByUser => new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Stopped by Ada.", "token:ada");

    [Fact]
    public async Task Cancel_WhileAStepRuns_IsConfirmedByTheExecutor()
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = await engine.StartAsync(
            Of(Job("j", JobType.Build, Step("a"), Step("b"))),
            r =>
                engine.Executor.Script(
                    r,
                    "a",
                    async (_, stop) =>
                    {
                        await using var registration = stop.Register(() => stopping.TrySetResult());
                        await gone.Task;
                        return FakeExecutor.Success;
                    }
                )
        );
        await engine.Executor.Started(run, "a");
        var grain = engine.Grains.GetGrain<IPipelineRunGrain>(run.Value);
        await grain.Cancel(ByUser, TestContext.Current.CancellationToken);
        await stopping.Task.WaitAsync(EngineCluster.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(Status.Running, (await grain.Get(TestContext.Current.CancellationToken)).Life.Status);
        gone.SetResult();
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Canceled, Reason.CanceledByUser), (tree.Run.Status, tree.Run.Reason!.Value));
        Assert.Equal((Status.Canceled, Status.Canceled), (tree.Step("a").Status, tree.Step("b").Status));
        Assert.DoesNotContain(engine.Executor.Commands, c => c.Worker.RunId == run && c.StepName == "b");
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Cancel_BetweenTwoAttempts_EndsWithoutAnotherAttempt()
    {
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("a") with
                {
                    Retry = new()
                    {
                        Max = 3,
                        OnFailure = true,
                        Backoff = TimeSpan.FromMinutes(4),
                    },
                }
            )
        );
        var run = await engine.StartAsync(plan, r => engine.Executor.Script(r, "a", (_, _) => Task.FromResult(FakeExecutor.Exit(1))));
        var grain = engine.Grains.GetGrain<IPipelineRunGrain>(run.Value);
        await engine.Executor.Started(run, "a");
        // The backoff is stored before it can be asked for.
        do
        {
            await grain.Touch(TestContext.Current.CancellationToken);
        } while (!(await engine.TreeAsync(run)).Step("a").NotBefore.HasValue);

        var waiting = await grain.WaitReasons(TestContext.Current.CancellationToken);
        var step = (await engine.TreeAsync(run)).Step("a");
        var retry = waiting[step.Id.Value];
        Assert.Equal((WaitKind.Retry, 2), (retry.Kind, retry.Attempt));
        // A row keeps microseconds.
        Assert.Equal(step.NotBefore!.Value, retry.At!.Value, TimeSpan.FromMilliseconds(1));
        await grain.Cancel(ByUser, TestContext.Current.CancellationToken);
        var tree = await engine.EndAsync(run);
        Assert.Equal(Status.Canceled, tree.Run.Status);
        Assert.Single(tree.Step("a").Executions);
    }

    [Fact]
    public async Task Cancel_TerminalRun_ChangesNothing()
    {
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))));
        await engine.EndAsync(run);
        await engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).Cancel(ByUser, TestContext.Current.CancellationToken);
        Assert.Equal(Status.Success, (await engine.TreeAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Cancel_WhileTheExecutorRefuses_EndsCanceled()
    {
        var refusals = Enumerable.Range(0, 10_000).Select(_ => ExecutorException.Transient("full")).ToArray();
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => engine.Executor.Refuse(r, "a", refusals));
        await engine.UntilAsync(run, v => v.Status == Status.Running);
        await engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).Cancel(ByUser, TestContext.Current.CancellationToken);
        var tree = await engine.EndAsync(run);
        Assert.Equal(Status.Canceled, tree.Run.Status);
        Assert.DoesNotContain(engine.Executor.Commands, c => c.Worker.RunId == run);
    }
}
