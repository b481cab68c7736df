using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

public sealed class JobTests(EngineCluster engine)
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task ParallelGroup_Steps_RunInParallelAndThenTheNext()
    {
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("x") with
                {
                    ParallelGroup = "g",
                    Order = 0,
                },
                Step("y") with
                {
                    ParallelGroup = "g",
                    Order = 0,
                },
                Step("z") with
                {
                    Order = 1,
                }
            )
        );
        TaskCompletionSource<ExecutionReport> x = null!,
            y = null!;
        var run = await engine.StartAsync(plan, r => (x, y) = (engine.Executor.Hold(r, "x"), engine.Executor.Hold(r, "y")));
        await engine.Executor.Started(run, "x");
        await engine.Executor.Started(run, "y");
        x.SetResult(FakeExecutor.Success);
        y.SetResult(FakeExecutor.Success);
        var tree = await engine.EndAsync(run);
        Assert.Equal(Status.Success, tree.Run.Status);
        Assert.Equal("z", engine.Executor.Commands.Last(c => c.Worker.RunId == run).StepName);
    }

    [Fact]
    public async Task Failure_OnFailureStepRuns_AllowedFailureDoesNotCount()
    {
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("lint") with
                {
                    AllowFailure = true,
                },
                Step("test"),
                Step("notify") with
                {
                    When = new(Success: false, Failure: true),
                }
            )
        );
        var run = await engine.StartAsync(
            plan,
            r =>
            {
                engine.Executor.Script(r, "lint", (_, _) => Task.FromResult(FakeExecutor.Exit(1)));
                engine.Executor.Script(r, "test", (_, _) => Task.FromResult(FakeExecutor.Exit(2)));
            }
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Failed, 2), (tree.Step("test").Status, tree.Step("test").ExitCode!.Value));
        Assert.Equal(Status.Success, tree.Step("notify").Status);
        Assert.Equal(Status.Failed, tree.Run.Status);

        var fine = await engine.StartAsync(plan, r => engine.Executor.Script(r, "lint", (_, _) => Task.FromResult(FakeExecutor.Exit(1))));
        tree = await engine.EndAsync(fine);
        Assert.Equal((Status.Success, Status.Skipped), (tree.Run.Status, tree.Step("notify").Status));
    }

    [Fact]
    public async Task Retry_ByExitCode_NewExecutionInTheSameAttempt()
    {
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("a") with
                {
                    Retry = new()
                    {
                        Max = 2,
                        OnExitCodes = [75],
                        Backoff = Soon,
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
                    (spec, _) => Task.FromResult(spec.Attempt < 3 ? FakeExecutor.Exit(75) : FakeExecutor.Success)
                )
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal(Status.Success, tree.Run.Status);
        Assert.Equal([Status.Failed, Status.Failed, Status.Success], tree.Step("a").Executions.Select(e => e.Status));
        Assert.Equal(1, tree.Job("j").Attempt);
    }

    [Fact]
    public async Task Retry_OtherExitCode_FailsAtOnce()
    {
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("a") with
                {
                    Retry = new()
                    {
                        Max = 2,
                        OnExitCodes = [75],
                        Backoff = Soon,
                    },
                }
            )
        );
        var run = await engine.StartAsync(plan, r => engine.Executor.Script(r, "a", (_, _) => Task.FromResult(FakeExecutor.Exit(1))));
        Assert.Single((await engine.EndAsync(run)).Step("a").Executions);
    }

    [Fact]
    public async Task Retry_LostMachine_NewAttemptInANewWorkspace()
    {
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("a"),
                Step("b") with
                {
                    Retry = new()
                    {
                        Max = 1,
                        OnInfrastructure = true,
                        Backoff = Soon,
                    },
                }
            )
        );
        var first = true;
        var run = await engine.StartAsync(
            plan,
            r =>
                engine.Executor.Script(
                    r,
                    "b",
                    async (spec, stop) =>
                    {
                        if (first)
                        {
                            first = false;
                            engine.Executor.Vanish(spec.ExecutionId);
                            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
                        }

                        return FakeExecutor.Success;
                    }
                )
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Success, 2), (tree.Run.Status, tree.Job("j").Attempt));
        Assert.Equal([1, 1, 2, 2], tree.Job("j").Steps.Select(s => s.JobAttempt));
        Assert.Equal(Reason.Lost, tree.Job("j").Steps[1].Reason);
        await engine.SettledAsync(tree);
        Assert.True(engine.Executor.Released.ContainsKey((tree.Job("j").Id, 1)));
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task Retry_LostMachineWithoutRetry_FailsLost()
    {
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => engine.Executor.Hold(r, "a"));
        engine.Executor.Vanish((await engine.Executor.Started(run, "a")).ExecutionId);
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Failed, Reason.Lost), (tree.Run.Status, tree.Run.Reason!.Value));
    }

    [Fact]
    public async Task Timeout_OfTheJob_StopsItsStepsAndFails()
    {
        var plan = Of(Job("j", JobType.Build, Step("a"), Step("b")) with { Timeout = TimeSpan.FromMilliseconds(300) });
        var run = await engine.StartAsync(plan, r => engine.Executor.Hold(r, "a"));
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Failed, Reason.Timeout), (tree.Job("j").Status, tree.Job("j").Reason!.Value));
        Assert.Equal((Status.Failed, Status.Canceled), (tree.Step("a").Status, tree.Step("b").Status));
        tree.AssertHistoryFolds();
    }

    [Fact]
    public async Task NeedOfWorker_IsNeededWhileItsAttemptIsActive_AndUnknownWithoutARow()
    {
        var stop = TestContext.Current.CancellationToken;
        Assert.Equal(
            WorkerNeed.Unknown,
            await engine.Grains.GetGrain<IJobGrain>(JobId.New(TimeProvider.System).Value).GetWorkerNeed(1, stop)
        );
        var plan = Of(
            Job(
                "j",
                JobType.Build,
                Step("a") with
                {
                    Retry = new()
                    {
                        Max = 1,
                        OnInfrastructure = true,
                        Backoff = Soon,
                    },
                }
            )
        );
        var gates = new Queue<TaskCompletionSource<ExecutionReport>>();
        var begun = new SemaphoreSlim(0);
        var run = await engine.StartAsync(
            plan,
            r =>
                engine.Executor.Script(
                    r,
                    "a",
                    async (_, cancel) =>
                    {
                        var gate = new TaskCompletionSource<ExecutionReport>();
                        gates.Enqueue(gate);
                        begun.Release();
                        return await gate.Task.WaitAsync(cancel);
                    }
                )
        );
        var spec = await engine.Executor.Started(run, "a");
        var job = engine.Grains.GetGrain<IJobGrain>(spec.Worker.JobId.Value);
        Assert.True(await begun.WaitAsync(EngineCluster.Patience, stop));
        Assert.Equal(WorkerNeed.Needed, await job.GetWorkerNeed(1, stop));
        // A worker that is about to be made must not count as an orphan.
        Assert.Equal(WorkerNeed.Needed, await job.GetWorkerNeed(2, stop));
        engine.Executor.Vanish(spec.ExecutionId);
        Assert.True(await begun.WaitAsync(EngineCluster.Patience, stop));
        Assert.Equal((WorkerNeed.Over, WorkerNeed.Needed), (await job.GetWorkerNeed(1, stop), await job.GetWorkerNeed(2, stop)));
        gates.Last().SetResult(FakeExecutor.Success);
        await engine.EndAsync(run);
        Assert.Equal((WorkerNeed.Over, WorkerNeed.Over), (await job.GetWorkerNeed(1, stop), await job.GetWorkerNeed(2, stop)));
    }

    [Fact]
    public async Task Worker_JobEnded_IsReleasedAndItsLogsAreSealed()
    {
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))));
        var tree = await engine.EndAsync(run);
        var execution = tree.Step("a").Executions[0].Id;
        await engine.Grains.GetGrain<IExecutionGrain>(execution.Value).Touch(TestContext.Current.CancellationToken);
        await engine.Grains.GetGrain<IJobGrain>(tree.Job("j").Id.Value).Touch(TestContext.Current.CancellationToken);
        Assert.True(engine.Logs.Sealed.ContainsKey(execution));
        Assert.True(engine.Executor.Released.ContainsKey((tree.Job("j").Id, 1)));
    }

    [Fact]
    public async Task Environment_BuiltInVariables_OverrideTheUsers()
    {
        var plan = Of(Job("j", JobType.Build, Step("a") with { Env = Env(("CI", "no"), ("MINE", "yes")) }));
        var run = await engine.StartAsync(plan);
        var env = (await engine.Executor.Started(run, "a")).Env;
        Assert.Equal(("true", "yes", $"http://ci.example/runs/{run}"), (env["CI"], env["MINE"], env["CI_PIPELINE_URL"]));
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
    }

    private static System.Collections.Immutable.ImmutableSortedDictionary<string, string> Env(params (string Key, string Value)[] pairs) =>
        System.Collections.Immutable.ImmutableSortedDictionary.CreateRange(pairs.Select(p => KeyValuePair.Create(p.Key, p.Value)));
}
