using System.Text.RegularExpressions;
using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>A silent runner: shown first, then lost. The executor notices nothing here.</summary>
public sealed partial class SilenceTests(AdvancedEngine advanced) : IClassFixture<AdvancedEngine>
{
    private static readonly TimeSpan Long = TimeSpan.FromDays(30);
    private readonly EngineCluster _engine = advanced.Engine;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runner_Silent_IsShownUntilItsNextHeartbeat()
    {
        var (run, gate, grain, spec) = await StartAsync(Step("a"));
        Assert.Null(await grain.GetWaitReason(Stop));
        advanced.Clock.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(WaitKind.RunnerSilent, (await grain.GetWaitReason(Stop))?.Kind);
        Assert.Matches(Told(), await grain.WaitingFor(Stop));
        var all = await _engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).WaitReasons(Stop);
        Assert.Matches(Told(), all[spec.ExecutionId.Value].Describe());
        // Not the runner that claimed it: it does not count.
        await grain.Heartbeat("another", Stop);
        Assert.NotNull(await grain.GetWaitReason(Stop));
        await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop);
        Assert.Null(await grain.GetWaitReason(Stop));
        advanced.Clock.Advance(TimeSpan.FromSeconds(31));
        Assert.NotNull(await grain.GetWaitReason(Stop));
        // A log append.
        await grain.Heartbeat("", Stop);
        Assert.Null(await grain.GetWaitReason(Stop));
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Runner_SilentForTooLong_IsLostAndTheJobRestarts()
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
        var (run, _, grain, spec) = await StartAsync(
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
        Assert.Equal((Status.Failed, Reason.Lost, "No heartbeat from its runner for 5 min."), (lost.Status, lost.Reason, lost.Detail));
        await _engine.Grains.GetGrain<IJobGrain>(spec.Worker.JobId.Value).Touch(Stop);
        Assert.True(_engine.Executor.Released.ContainsKey((spec.Worker.JobId, 1)));
        var late = await Assert.ThrowsAsync<AlreadyEndedException>(() => grain.Report(FakeExecutor.Success, Stop));
        Assert.Equal(Status.Failed, late.Status);
        Assert.True((await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop)).Cancel);
        Assert.Equal(ClaimKind.NotNeeded, (await grain.Claim($"runner-{spec.ExecutionId}", TimeSpan.FromSeconds(1), Stop)).Kind);
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Runner_WithRareHeartbeats_IsNeverLost()
    {
        var (run, gate, grain, spec) = await StartAsync(Step("a"));
        for (var i = 0; i < 200; i++)
        {
            advanced.Clock.Advance(TimeSpan.FromMinutes(4.5));
            await grain.Touch(Stop);
            await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop);
        }

        Assert.Equal(Status.Running, (await grain.Get(Stop)).Life.Status);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Server_FrozenOrRestarted_GivesEveryRunnerTime()
    {
        var (run, gate, grain, spec) = await StartAsync(Step("a"));
        // A frozen server has not read what was sent to it when its timers already fire.
        advanced.Clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(Status.Running, (await grain.Touch(Stop)).Status);
        await grain.Heartbeat($"runner-{spec.ExecutionId}", Stop);
        advanced.Clock.Advance(TimeSpan.FromMinutes(4.5));
        await _engine.Cluster.DeactivateAsync(grain);
        Assert.Null(await grain.GetWaitReason(Stop));
        advanced.Clock.Advance(TimeSpan.FromMinutes(4.5));
        Assert.Equal(Status.Running, (await grain.Touch(Stop)).Status);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Runner_SilentDuringACancel_EndsWhenTheExecutorConfirms()
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (run, _, grain, _) = await StartAsync(
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
            .Cancel(new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Canceled by Ada.", "token:ada"), Stop);
        await stopping.Task.WaitAsync(EngineCluster.Patience, Stop);
        await LoseAsync(grain);
        Assert.Equal(Status.Running, (await grain.Get(Stop)).Life.Status);
        Assert.Equal(
            "Waiting for the executor to confirm that it is no longer running (cancel requested by ada)",
            await grain.WaitingFor(Stop)
        );
        gone.SetResult();
        Assert.Equal(
            (Status.Canceled, Reason.CanceledByUser),
            ((await _engine.EndAsync(run)).Run.Status, (await _engine.TreeAsync(run)).Run.Reason)
        );
    }

    [Fact]
    public async Task RunnerStopReport_IsStoredInTheRow()
    {
        var (run, gate, grain, spec) = await StartAsync(Step("a"));
        // The platform does not know of it yet, and the runner leaves once it has its response.
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
        advanced.Clock.Advance(TimeSpan.FromSeconds(16));
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
    public async Task Execution_NotClaimed_IsNeverLostForSilence()
    {
        var run = await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => _engine.Executor.NeverClaim(r, "a"));
        var grain = _engine.Grains.GetGrain<IExecutionGrain>((await _engine.Executor.Submitted(run, "a")).ExecutionId.Value);
        await LoseAsync(grain);
        Assert.Equal(Status.Submitted, (await grain.Get(Stop)).Life.Status);
        await _engine
            .Grains.GetGrain<IPipelineRunGrain>(run.Value)
            .Cancel(new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Canceled by Ada.", "token:ada"), Stop);
        Assert.Equal(Status.Canceled, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Release_ExecutorUnavailable_IsRetriedWithGrowingWaitsAndNotBeforeItWants()
    {
        var (run, gate, _, spec) = await StartAsync(Step("a"));
        var id = spec.Worker.JobId;
        _engine.Executor.RefuseRelease(
            id,
            ExecutorException.Transient("away"),
            ExecutorException.Transient("away"),
            ExecutorException.Transient("throttled", retryAfter: TimeSpan.FromSeconds(110))
        );
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
        // The first wait is 20 s, the next one twice as long, give or take a quarter; the last is as long as the executor wants, or half
        // as long again. The clock goes on by itself: a slow machine has 12 s between two calls.
        foreach (var (early, enough, tries) in new[] { (3, 23, 2), (8, 43, 3), (45, 121, 4) })
        {
            Assert.Equal(tries - 1, await TriesAfterAsync(0));
            Assert.Equal(tries - 1, await TriesAfterAsync(early));
            Assert.Equal(tries, await TriesAfterAsync(enough));
        }

        Assert.Equal(4, await TriesAfterAsync(600));

        async Task<int> TriesAfterAsync(int seconds)
        {
            advanced.Clock.Advance(TimeSpan.FromSeconds(seconds));
            await _engine.Grains.GetGrain<IJobGrain>(id.Value).Touch(Stop);
            return _engine.Executor.Released.GetValueOrDefault((id, 1));
        }
    }

    /// <summary>A job of one step, claimed by its runner.</summary>
    private async Task<(RunId Run, TaskCompletionSource<ExecutionReport> Gate, IExecutionGrain Grain, ExecutionSpec Spec)> StartAsync(
        StepPlan step,
        Func<ExecutionSpec, CancellationToken, Task<ExecutionReport>>? command = null
    )
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var plan = Of(Job("j", JobType.Build, step with { Timeout = Long }) with { Timeout = Long });
        var run = await _engine.StartAsync(
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
        var spec = await _engine.Executor.Started(run, step.Name);
        return (run, gate, _engine.Grains.GetGrain<IExecutionGrain>(spec.ExecutionId.Value), spec);
    }

    /// <summary>Lets the silence last until its limit is seen twice.</summary>
    private async Task LoseAsync(IExecutionGrain grain)
    {
        advanced.Clock.Advance(TimeSpan.FromMinutes(4.9));
        await grain.Touch(Stop);
        advanced.Clock.Advance(TimeSpan.FromSeconds(20));
        await grain.Touch(Stop);
    }

    [GeneratedRegex(@"^No heartbeat from its runner since \d\d:\d\d:\d\d UTC$")]
    private static partial Regex Told();
}
