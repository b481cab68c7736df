using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>What the server tells runners that wait in their step's container.</summary>
public sealed class StepProgressTests(EngineCluster engine)
{
    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(50);

    [Fact]
    public async Task StepOf_FailedAttemptWithARetry_NamesTheRetryAndIsOverAtTheEnd()
    {
        TaskCompletionSource<ExecutionReport> second = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource<ExecutionSpec> begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("a") with
                {
                    Retry = new()
                    {
                        Max = 1,
                        OnFailure = true,
                        Backoff = TimeSpan.FromMilliseconds(10),
                    },
                },
                Step("b")
            )
        );
        var run = await engine.StartAsync(
            plan,
            r =>
                engine.Executor.Script(
                    r,
                    "a",
                    (spec, _) =>
                    {
                        if (spec.Attempt == 1)
                        {
                            return Task.FromResult(FakeExecutor.Exit(1));
                        }

                        begun.TrySetResult(spec);
                        return second.Task;
                    }
                )
        );
        var again = await begun.Task.WaitAsync(EngineCluster.Patience);
        var job = engine.Grains.GetGrain<IJobGrain>(again.Worker.JobId.Value);
        var first = again.Worker.Steps[0].FirstExecutionId;

        Assert.Equal(new StepProgress(StepProgressKind.Next, again.ExecutionId), await job.StepOf(first));
        Assert.Equal(StepProgress.NotYet, await job.StepOf(again.ExecutionId));
        Assert.Equal(StepProgress.NotYet, await job.StepOf(again.Worker.Steps[1].FirstExecutionId));
        Assert.Equal(StepProgress.Over, await job.StepOf(ExecutionId.New(TimeProvider.System)));

        second.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
        Assert.Equal(StepProgress.Over, await job.StepOf(first));
    }

    [Fact]
    public async Task Claim_WaitingForASkippedStep_IsRefusedAtOnce()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var plan = Of(Job("j", JobType.Build, Step("a"), Step("b")));
        var run = await engine.StartAsync(plan, r => gate = engine.Executor.Hold(r, "a"));
        var spec = await engine.Executor.Started(run, "a");
        var waiting = engine.Grains.GetGrain<IExecutionGrain>(spec.Worker.Steps[1].FirstExecutionId.Value).Claim("runner-of-b", LongWait);
        gate.SetResult(FakeExecutor.Exit(3));

        await engine.EndAsync(run);
        Assert.Equal(ClaimKind.NotNeeded, (await waiting.WaitAsync(TimeSpan.FromSeconds(20))).Kind);
        Assert.Equal(
            StepProgress.Over,
            await engine.Grains.GetGrain<IJobGrain>(spec.Worker.JobId.Value).StepOf(spec.Worker.Steps[1].FirstExecutionId)
        );
    }

    /// <summary>The hint that a runner is not needed may arrive before its claim.</summary>
    [Fact]
    public async Task Claim_ArrivingAfterItsStepWasSkipped_IsRefusedAtOnce()
    {
        var execution = engine.Grains.GetGrain<IExecutionGrain>(ExecutionId.New(TimeProvider.System).Value);
        await execution.NotNeeded();
        // One-way: the call above returns before it is handled.
        for (var kind = ClaimKind.NotYet; kind != ClaimKind.NotNeeded; )
        {
            kind = (await execution.Claim("late", TimeSpan.Zero)).Kind;
        }

        Assert.Equal(ClaimKind.NotNeeded, (await execution.Claim("later", LongWait)).Kind);
    }

    /// <summary>The job could not start it and was canceled: its start may still be on its way.</summary>
    [Fact]
    public async Task Start_ArrivingAfterItsCancel_StartsNothingAndItsRunnerIsNotNeeded()
    {
        var step = Logic.Given.Pending().Spec;
        var execution = engine.Grains.GetGrain<IExecutionGrain>(step.ExecutionId.Value);
        var waiting = execution.Claim("early", LongWait);
        var cancel = new CancelRequest(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Canceled by Ada.", "token:ada");
        Assert.Equal(Status.Canceled, (await execution.Cancel(cancel)).Status);
        Assert.Equal(ClaimKind.NotNeeded, (await waiting.WaitAsync(TimeSpan.FromSeconds(20))).Kind);

        var outcome = await execution.Start(new(step, "fake", IsDeploy: false));
        Assert.Equal((Status.Canceled, Reason.CanceledByUser), (outcome.Status, outcome.Reason!.Value));
        await Assert.ThrowsAsync<NotFoundException>(() => execution.Get());
        Assert.Equal(ClaimKind.NotNeeded, (await execution.Claim("late", LongWait)).Kind);
        Assert.DoesNotContain(engine.Executor.Submits, s => s.ExecutionId == step.ExecutionId);
    }
}
