using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

public sealed class ExecutionTests(EngineCluster engine)
{
    [Fact]
    public async Task Report_RepeatedOrDifferent_FirstOneWins()
    {
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))));
        var execution = (await engine.EndAsync(run)).Step("a").Executions[0].Id;
        var grain = engine.Grains.GetGrain<IExecutionGrain>(execution.Value);
        await grain.Report(FakeExecutor.Success, TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<AlreadyEndedException>(() =>
            grain.Report(FakeExecutor.Exit(1), TestContext.Current.CancellationToken)
        );
        Assert.Equal(Status.Success, refused.Status);
        Assert.Equal(Status.Success, (await grain.Get(TestContext.Current.CancellationToken)).Life.Status);
    }

    [Fact]
    public async Task Report_UnknownExecution_IsNotFound() =>
        await Assert.ThrowsAsync<NotFoundException>(() =>
            engine
                .Grains.GetGrain<IExecutionGrain>(ExecutionId.New(TimeProvider.System).Value)
                .Report(FakeExecutor.Success, TestContext.Current.CancellationToken)
        );

    [Fact]
    public async Task Claim_AnotherRunner_IsRefusedAndTheSameOneGetsItsWorkAgain()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => gate = engine.Executor.Hold(r, "a"));
        var spec = await engine.Executor.Started(run, "a");
        var grain = engine.Grains.GetGrain<IExecutionGrain>(spec.ExecutionId.Value);
        var stop = TestContext.Current.CancellationToken;
        Assert.Equal(
            "claimed",
            (await Assert.ThrowsAsync<ConflictException>(() => grain.Claim("another", TimeSpan.FromSeconds(20), stop))).Code
        );
        Assert.Equal(ClaimKind.Work, (await grain.Claim($"runner-{spec.ExecutionId}", TimeSpan.FromSeconds(20), stop)).Kind);
        Assert.True((await grain.Heartbeat("another", stop)).Cancel);
        Assert.False((await grain.Heartbeat($"runner-{spec.ExecutionId}", stop)).Cancel);
        gate.SetResult(FakeExecutor.Success);
        await engine.EndAsync(run);
        Assert.Equal(ClaimKind.NotNeeded, (await grain.Claim("another", TimeSpan.FromSeconds(20), stop)).Kind);
    }

    [Fact]
    public async Task Claim_BeforeTheExecutionExists_ReturnsNotYet()
    {
        var grain = engine.Grains.GetGrain<IExecutionGrain>(ExecutionId.New(TimeProvider.System).Value);
        Assert.Equal(ClaimKind.NotYet, (await grain.Claim("r", TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken)).Kind);
    }

    [Fact]
    public async Task Timeout_OfTheStep_IsEnforcedWhenTheRunnerDoesNot()
    {
        var plan = Of(Job("j", JobType.Build, Step("a") with { Timeout = TimeSpan.FromMilliseconds(100) }));
        var run = await engine.StartAsync(plan, r => engine.Executor.Hold(r, "a"));
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Failed, Reason.Timeout), (tree.Step("a").Status, tree.Step("a").Reason!.Value));
    }

    [Fact]
    public async Task Submit_TransientErrors_AreRetriedAndRejectionsAreFinal()
    {
        var plan = Of(Job("j", JobType.Build, Step("a")));
        var run = await engine.StartAsync(
            plan,
            r => engine.Executor.Refuse(r, "a", ExecutorException.Transient("full"), ExecutorException.Transient("full"))
        );
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);

        run = await engine.StartAsync(
            plan,
            r => engine.Executor.Refuse(r, "a", ExecutorException.Rejected(Reason.ImagePull, "There is no such image."))
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal((Reason.ImagePull, "There is no such image."), (tree.Step("a").Reason!.Value, tree.Step("a").Detail));
    }

    [Fact]
    public async Task Submit_ThrottledExecutor_IsNotCalledBeforeItsRetryAfter()
    {
        var start = TimeProvider.System.GetTimestamp();
        var run = await engine.StartAsync(
            Of(Job("j", JobType.Build, Step("a"))),
            r => engine.Executor.Refuse(r, "a", ExecutorException.Transient("throttled", retryAfter: TimeSpan.FromSeconds(2)))
        );
        await engine.Executor.Started(run, "a");
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.FromSeconds(2), EngineCluster.Patience);
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
    }

    [Theory]
    [InlineData(3, Reason.Lost)]
    [InlineData(4, Reason.ExecutorError)]
    [InlineData(5, Reason.ExitCode)]
    public async Task Status_ExitCodeWithoutAReport_IsTheCommandsUnlessItIsTheRunners(int code, Reason reason)
    {
        var run = await engine.StartAsync(Of(Job("j", JobType.Deploy, Step("a"))), r => engine.Executor.Hold(r, "a"));
        var spec = await engine.Executor.Started(run, "a");
        engine.Executor.Die(
            spec.ExecutionId,
            new()
            {
                Status = Status.Failed,
                Reason = Reason.ExitCode,
                ExitCode = code,
                Detail = $"The container exited with code {code}.",
            }
        );
        var step = (await engine.EndAsync(run)).Step("a");
        Assert.Equal((Status.Failed, reason, reason == Reason.ExitCode ? code : null), (step.Status, step.Reason!.Value, step.ExitCode));
    }

    [Fact]
    public async Task Submit_AfterASiblingWasClaimed_JoinsItsWorker()
    {
        var plan = Of(Job("j", JobType.Deploy, Step("x") with { ParallelGroup = "g" }, Step("y") with { ParallelGroup = "g" }));
        TaskCompletionSource<ExecutionReport> gate = null!;
        var run = await engine.StartAsync(
            plan,
            r =>
            {
                gate = engine.Executor.Hold(r, "x");
                engine.Executor.NeverClaim(r, "y");
            }
        );
        await engine.Executor.Started(run, "x");
        var first = await engine.Executor.Submitted(run, "y");
        Assert.False(first.JoinsWorker);
        var y = engine.Grains.GetGrain<IExecutionGrain>(first.ExecutionId.Value);
        // As after a restart of the server: the activation does not know whether it was submitted.
        await engine.Cluster.DeactivateAsync(y);
        await y.Touch(TestContext.Current.CancellationToken);
        Assert.True(engine.Executor.Submits.Last(s => s.Worker.RunId == run && s.StepName == "y").JoinsWorker);
        gate.SetResult(FakeExecutor.Success);
        await engine
            .Grains.GetGrain<IPipelineRunGrain>(run.Value)
            .Cancel(
                new(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Canceled by Ada.", "token:ada"),
                TestContext.Current.CancellationToken
            );
        await engine.EndAsync(run);
    }

    [Fact]
    public async Task Secrets_Unknown_FailWithTheirNames()
    {
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a") with { Secrets = ["TOKEN", "ABSENT"] })));
        var tree = await engine.EndAsync(run);
        Assert.Equal(Reason.ConfigError, tree.Step("a").Reason);
        Assert.Contains("ABSENT", tree.Step("a").Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("TOKEN", tree.Step("a").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Outputs_MissingAfterSuccess_FailTheStep()
    {
        var run = await engine.StartAsync(
            Of(Job("j", JobType.Build, Step("a") with { Outputs = [new() { Type = "binary", Path = "bin/app" }] }))
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Failed, Reason.ArtifactMissing), (tree.Step("a").Status, tree.Step("a").Reason!.Value));
    }

    [Fact]
    public async Task Inputs_OfAnEarlierJob_AreResolvedAtTheClaim_MissingOnesFail()
    {
        var plan = Of(
            Job("compile", JobType.Build, Step("a") with { Outputs = [new() { Type = "binary", Path = "bin/app" }] }),
            Job(
                "ship",
                JobType.Deploy,
                Step("good") with
                {
                    Inputs = [new() { Type = "binary", Path = "in" }],
                },
                Step("bad") with
                {
                    Inputs = [new() { Type = "chart", Path = "in" }],
                }
            )
        );
        var run = await engine.StartAsync(
            plan,
            r =>
                engine.Executor.Script(
                    r,
                    "a",
                    async (spec, stop) =>
                    {
                        var id = ArtifactId.New(TimeProvider.System);
                        await engine.Artifacts.InsertAsync(
                            new()
                            {
                                Id = id,
                                JobId = spec.Worker.JobId,
                                ExecutionId = spec.ExecutionId,
                                Type = "binary",
                                FileName = "bin/app",
                                StorageBackend = "nfs",
                                StoragePath = $"/{id}/payload",
                                Checksum = new string('0', 64),
                                Size = 1,
                                CreatedAt = TimeProvider.System.GetUtcNow(),
                            },
                            stop
                        );
                        return FakeExecutor.Success with { Artifacts = [id] };
                    }
                )
        );
        var tree = await engine.EndAsync(run);
        Assert.Equal((Status.Success, Status.Success), (tree.Step("a").Status, tree.Step("good").Status));
        Assert.Equal((Status.Failed, Reason.ArtifactMissing), (tree.Step("bad").Status, tree.Step("bad").Reason!.Value));
        Assert.Contains("chart", tree.Step("bad").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_ArtifactsNeverUploaded_AreRefused()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var run = await engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => gate = engine.Executor.Hold(r, "a"));
        var spec = await engine.Executor.Started(run, "a");
        var report = FakeExecutor.Success with { Artifacts = [ArtifactId.New(TimeProvider.System)] };
        var refused = await Assert.ThrowsAsync<InvalidInputException>(() =>
            engine.Grains.GetGrain<IExecutionGrain>(spec.ExecutionId.Value).Report(report, TestContext.Current.CancellationToken)
        );
        Assert.Equal("artifact_unknown", refused.Code);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(run)).Run.Status);
    }
}
