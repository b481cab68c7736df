using System.Text.RegularExpressions;
using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>A runner that is not heard any more: told first, then lost. Here the executor knows of nothing.</summary>
public sealed partial class SilenceTests(TurnedEngine turned) : IClassFixture<TurnedEngine>
{
    private static readonly TimeSpan Long = TimeSpan.FromDays(30);
    private readonly EngineCluster _engine = turned.Engine;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runner_Silent_IsToldAndUnsaidWhenItIsHeardAgain()
    {
        var (run, gate, grain, spec) = await BeginAsync(Step("a"));
        Assert.Null(await grain.GetWaitReason(Stop));
        turned.Clock.Turn(TimeSpan.FromSeconds(31));
        Assert.Equal(WaitKind.RunnerSilent, (await grain.GetWaitReason(Stop))?.Kind);
        Assert.Matches(Told(), await grain.WaitingFor(Stop));
        var all = await _engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).WaitReasons(Stop);
        Assert.Matches(Told(), all[spec.ExecutionId.Value].Describe());
        // Not its runner: nobody is fooled.
        await grain.Heartbeat("another", Stop);
        Assert.NotNull(await grain.GetWaitReason(Stop));
        await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop);
        Assert.Null(await grain.GetWaitReason(Stop));
        turned.Clock.Turn(TimeSpan.FromSeconds(31));
        Assert.NotNull(await grain.GetWaitReason(Stop));
        // A log append.
        await grain.Heartbeat("", Stop);
        Assert.Null(await grain.GetWaitReason(Stop));
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Runner_SilentForTooLong_IsLostAndTheJobBeginsAgain()
    {
        var step = Step("a") with
        {
            Retry = new()
            {
                Max = 1,
                OnInfrastructure = true,
                Backoff = TimeSpan.FromMilliseconds(20),
            },
        };
        var first = true;
        var (run, _, grain, spec) = await BeginAsync(
            step,
            async (_, stop) =>
            {
                if (first)
                {
                    first = false;
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
                }

                return FakeExecutor.Success;
            }
        );
        await LoseAsync(grain);
        var tree = await _engine.EndAsync(run);
        Assert.Equal((Status.Success, 2), (tree.Run.Status, tree.Job("j").Attempt));
        var lost = tree.Job("j").Steps[0];
        Assert.Equal((Status.Failed, Reason.Lost, "Nothing was heard of its runner for 5 min."), (lost.Status, lost.Reason, lost.Detail));
        await _engine.Grains.GetGrain<IJobGrain>(spec.Worker.JobId.Value).Touch(Stop);
        Assert.True(_engine.Executor.Released.ContainsKey((spec.Worker.JobId, 1)));
        var late = await Assert.ThrowsAsync<AlreadyEndedException>(() => grain.Report(FakeExecutor.Success, Stop));
        Assert.Equal(Status.Failed, late.Status);
        Assert.True((await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop)).Cancel);
        Assert.Equal(ClaimKind.NotNeeded, (await grain.Claim($"runner-{spec.ExecutionId}", TimeSpan.FromSeconds(1), Stop)).Kind);
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Runner_HeardNowAndThen_LivesForAsLongAsItWorks()
    {
        var (run, gate, grain, spec) = await BeginAsync(Step("a"));
        for (var i = 0; i < 200; i++)
        {
            turned.Clock.Turn(TimeSpan.FromMinutes(4.5));
            await grain.Touch(Stop);
            await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop);
        }

        Assert.Equal(Status.Running, (await grain.Get(Stop)).Life.Status);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Server_FrozenOrAway_GivesEveryRunnerTime()
    {
        var (run, gate, grain, spec) = await BeginAsync(Step("a"));
        // What was sent to a frozen server is not read yet when its timers already ring.
        turned.Clock.Turn(TimeSpan.FromHours(2));
        Assert.Equal(Status.Running, (await grain.Touch(Stop)).Status);
        await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop);
        turned.Clock.Turn(TimeSpan.FromMinutes(4.5));
        await _engine.Cluster.DeactivateAsync(grain);
        Assert.Null(await grain.GetWaitReason(Stop));
        turned.Clock.Turn(TimeSpan.FromMinutes(4.5));
        Assert.Equal(Status.Running, (await grain.Touch(Stop)).Status);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Runner_SilentDuringACancel_EndsByTheExecutorsWordAlone()
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (run, _, grain, _) = await BeginAsync(
            Step("a"),
            async (_, stop) =>
            {
                await using var registration = stop.Register(() => stopping.TrySetResult());
                await gone.Task;
                return FakeExecutor.Success;
            }
        );
        await _engine
            .Grains.GetGrain<IPipelineRunGrain>(run.Value)
            .Cancel(new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Stopped by Ada.", "token:ada"), Stop);
        await stopping.Task.WaitAsync(EngineCluster.Patience, Stop);
        await LoseAsync(grain);
        Assert.Equal(Status.Running, (await grain.Get(Stop)).Life.Status);
        Assert.Equal(
            "Waiting for the executor to confirm that nothing of it is running (cancel requested by ada)",
            await grain.WaitingFor(Stop)
        );
        gone.SetResult();
        Assert.Equal(
            (Status.Canceled, Reason.CanceledByUser),
            ((await _engine.EndAsync(run)).Run.Status, (await _engine.TreeAsync(run)).Run.Reason)
        );
    }

    [Fact]
    public async Task Runner_ReportsThatItWasStopped_IsRememberedByTheRowAlone()
    {
        var (run, gate, grain, spec) = await BeginAsync(Step("a"));
        // The platform does not know of it yet, and the runner goes once it is answered.
        await grain.Report(
            new()
            {
                Status = Status.Canceled,
                ExitCode = 143,
                Detail = "Somebody sent SIGTERM.",
            },
            Stop
        );
        Assert.Equal(Status.Running, (await grain.Get(Stop)).Life.Status);
        await _engine.Cluster.DeactivateAsync(grain);
        turned.Clock.Turn(TimeSpan.FromSeconds(16));
        await grain.Touch(Stop);
        await grain.Touch(Stop);
        var tree = await _engine.EndAsync(run);
        Assert.Equal(
            (Status.Failed, Reason.Lost, "Somebody sent SIGTERM.", 143),
            (tree.Step("a").Status, tree.Step("a").Reason, tree.Step("a").Detail, tree.Step("a").ExitCode)
        );
        gate.TrySetResult(FakeExecutor.Success);
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Execution_NotClaimed_HasNoRunnerThatCouldBeSilent()
    {
        var run = await _engine.BeginAsync(Of(Job("j", JobType.Build, Step("a"))), r => _engine.Executor.NeverClaim(r, "a"));
        var grain = _engine.Grains.GetGrain<IExecutionGrain>((await _engine.Executor.Taken(run, "a")).ExecutionId.Value);
        await LoseAsync(grain);
        Assert.Equal(Status.Submitted, (await grain.Get(Stop)).Life.Status);
        await _engine
            .Grains.GetGrain<IPipelineRunGrain>(run.Value)
            .Cancel(new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Stopped by Ada.", "token:ada"), Stop);
        Assert.Equal(Status.Canceled, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Release_ExecutorAway_IsTriedAgainLaterAndLaterAndNotBeforeItWants()
    {
        var (run, gate, _, spec) = await BeginAsync(Step("a"));
        var id = spec.Worker.JobId;
        _engine.Executor.RefuseRelease(
            id,
            ExecutorException.Transient("away"),
            ExecutorException.Transient("away"),
            ExecutorException.Transient("throttled", retryAfter: TimeSpan.FromMinutes(1))
        );
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
        // The first wait is 10 s, each later one twice as long, give or take a quarter; at last the executor's own wish.
        foreach (var (early, enough, tries) in new[] { (3, 10, 2), (8, 18, 3), (45, 46, 4) })
        {
            Assert.Equal(tries - 1, await TriesAfterAsync(0));
            Assert.Equal(tries - 1, await TriesAfterAsync(early));
            Assert.Equal(tries, await TriesAfterAsync(enough));
        }

        Assert.Equal(4, await TriesAfterAsync(600));

        async Task<int> TriesAfterAsync(int seconds)
        {
            turned.Clock.Turn(TimeSpan.FromSeconds(seconds));
            await _engine.Grains.GetGrain<IJobGrain>(id.Value).Touch(Stop);
            return _engine.Executor.Released.GetValueOrDefault((id, 1));
        }
    }

    /// <summary>A job of one step whose runner has taken it.</summary>
    private async Task<(RunId Run, TaskCompletionSource<ExecutionReport> Gate, IExecutionGrain Grain, ExecutionSpec Spec)> BeginAsync(
        StepPlan step,
        Func<ExecutionSpec, CancellationToken, Task<ExecutionReport>>? command = null
    )
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var plan = Of(Job("j", JobType.Build, step with { Timeout = Long }) with { Timeout = Long });
        var run = await _engine.BeginAsync(
            plan,
            r =>
            {
                gate = _engine.Executor.Hold(r, step.Name);
                if (command is not null)
                {
                    _engine.Executor.Script(r, step.Name, command);
                }
            }
        );
        var spec = await _engine.Executor.Begun(run, step.Name);
        return (run, gate, _engine.Grains.GetGrain<IExecutionGrain>(spec.ExecutionId.Value), spec);
    }

    /// <summary>The silence, and the end of it that must be seen twice.</summary>
    private async Task LoseAsync(IExecutionGrain grain)
    {
        turned.Clock.Turn(TimeSpan.FromMinutes(4.9));
        await grain.Touch(Stop);
        turned.Clock.Turn(TimeSpan.FromSeconds(20));
        await grain.Touch(Stop);
    }

    [GeneratedRegex(@"^No sign of life from its runner since \d\d:\d\d:\d\d UTC$")]
    private static partial Regex Told();
}
