using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>What runners that wait in their step's container are told.</summary>
public sealed class StepPlaceTests(EngineCluster engine)
{
    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(50);

    [Fact]
    public async Task StepOf_FailedTryWithAnotherToCome_NamesItAndIsOverAtTheEnd()
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
        var run = await engine.BeginAsync(
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

        Assert.Equal(new StepPlace(StepPlaceKind.Next, again.ExecutionId), await job.StepOf(first));
        Assert.Equal(StepPlace.NotYet, await job.StepOf(again.ExecutionId));
        Assert.Equal(StepPlace.NotYet, await job.StepOf(again.Worker.Steps[1].FirstExecutionId));
        Assert.Equal(StepPlace.Over, await job.StepOf(ExecutionId.New(TimeProvider.System)));

        second.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
        Assert.Equal(StepPlace.Over, await job.StepOf(first));
    }

    [Fact]
    public async Task Claim_ThatWaitsForAStepPassedOver_IsAnsweredAtOnce()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var plan = Of(Job("j", JobType.Build, Step("a"), Step("b")));
        var run = await engine.BeginAsync(plan, r => gate = engine.Executor.Hold(r, "a"));
        var spec = await engine.Executor.Begun(run, "a");
        var waiting = engine.Grains.GetGrain<IExecutionGrain>(spec.Worker.Steps[1].FirstExecutionId.Value).Claim("runner-of-b", LongWait);
        gate.SetResult(FakeExecutor.Exit(3));

        await engine.EndAsync(run);
        Assert.Equal(ClaimKind.NotNeeded, (await waiting.WaitAsync(TimeSpan.FromSeconds(20))).Kind);
        Assert.Equal(
            StepPlace.Over,
            await engine.Grains.GetGrain<IJobGrain>(spec.Worker.JobId.Value).StepOf(spec.Worker.Steps[1].FirstExecutionId)
        );
    }

    /// <summary>The claim and the word that it is in vain may pass each other on the way.</summary>
    [Fact]
    public async Task Claim_ThatArrivesAfterItsStepWasPassedOver_IsAnsweredAtOnce()
    {
        var execution = engine.Grains.GetGrain<IExecutionGrain>(ExecutionId.New(TimeProvider.System).Value);
        await execution.NotNeeded();
        // One-way: the call above is answered before it is done.
        for (var kind = ClaimKind.NotYet; kind != ClaimKind.NotNeeded; )
        {
            kind = (await execution.Claim("late", TimeSpan.Zero)).Kind;
        }

        Assert.Equal(ClaimKind.NotNeeded, (await execution.Claim("later", LongWait)).Kind);
    }
}
