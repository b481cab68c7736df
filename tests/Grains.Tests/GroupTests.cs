using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

public sealed class GroupTests(EngineCluster engine)
{
    private static RunPlan Grouped(bool cancelPrevious, JobType type = JobType.Build) =>
        Of(Job("j", type, Step("a"))) with
        {
            Concurrency = new("main", cancelPrevious),
        };

    [Fact]
    public async Task Group_SecondRun_WaitsForItsTurn()
    {
        var at = await engine.NewRepositoryAsync();
        TaskCompletionSource<ExecutionReport> gate = null!;
        var first = await engine.StartAsync(Grouped(false), r => gate = engine.Executor.Hold(r, "a"), at, number: 1);
        await engine.Executor.Started(first, "a");
        var second = await engine.StartAsync(Grouped(false), at: at, number: 2);
        var grain = engine.Grains.GetGrain<IPipelineRunGrain>(second.Value);
        await grain.Touch(TestContext.Current.CancellationToken);
        Assert.Equal(
            WaitReason.RepositoryTurn("main", 1, 0),
            (await grain.WaitReasons(TestContext.Current.CancellationToken))[second.Value]
        );
        Assert.Equal(Status.Pending, (await grain.Get(TestContext.Current.CancellationToken)).Life.Status);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(second)).Run.Status);
        Assert.Equal(Status.Success, (await engine.EndAsync(first)).Run.Status);
    }

    [Fact]
    public async Task Group_CancelPrevious_NewerRunSupersedes()
    {
        var at = await engine.NewRepositoryAsync();
        var first = await engine.StartAsync(Grouped(true), r => engine.Executor.Hold(r, "a"), at, number: 1);
        await engine.Executor.Started(first, "a");
        var second = await engine.StartAsync(Grouped(true), at: at, number: 2);
        var tree = await engine.EndAsync(first);
        Assert.Equal((Status.Canceled, Reason.Superseded), (tree.Run.Status, tree.Run.Reason!.Value));
        Assert.Equal(Status.Success, (await engine.EndAsync(second)).Run.Status);
    }

    [Fact]
    public async Task Group_DeployHasBegun_IsNotSuperseded()
    {
        var at = await engine.NewRepositoryAsync();
        TaskCompletionSource<ExecutionReport> gate = null!;
        var first = await engine.StartAsync(Grouped(true, JobType.Deploy), r => gate = engine.Executor.Hold(r, "a"), at, number: 1);
        await engine.Executor.Started(first, "a");
        var second = await engine.StartAsync(Grouped(true, JobType.Deploy), at: at, number: 2);
        await engine.Grains.GetGrain<IPipelineRunGrain>(second.Value).Touch(TestContext.Current.CancellationToken);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await engine.EndAsync(first)).Run.Status);
        Assert.Equal(Status.Success, (await engine.EndAsync(second)).Run.Status);
    }

    [Fact]
    public async Task Reserve_SameKey_SameRun_OtherRequestIsRefused()
    {
        var (repository, _) = await engine.NewRepositoryAsync();
        var grain = engine.Grains.GetGrain<IRepositoryGrain>(repository.Id.Value);
        var stop = TestContext.Current.CancellationToken;
        var first = await grain.Reserve("key", "f1", stop);
        var again = await grain.Reserve("key", "f1", stop);
        Assert.Equal((first.RunId, first.RunNumber, true), (again.RunId, again.RunNumber, again.IsRepeat));
        Assert.Equal("idempotency_key_reused", (await Assert.ThrowsAsync<ConflictException>(() => grain.Reserve("key", "f2", stop))).Code);
        var others = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => grain.Reserve(null, "", stop)));
        Assert.Equal(21, others.Select(o => o.RunNumber).Append(first.RunNumber).Distinct().Count());
    }
}
