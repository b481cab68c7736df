using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Grains.Tests.Engine;
using static Shipinator.Grains.Tests.Engine.Plans;

namespace Shipinator.Grains.Tests;

/// <summary>Storage that fails at every write: no run is lost, no step starts twice, every history folds.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private readonly EngineCluster _engine = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static RunPlan TwoJobs { get; } = Of(Job("compile", JobType.Build, Step("a"), Step("b")), Job("unit", JobType.Test, Step("c")));

    public ValueTask InitializeAsync() => _engine.InitializeAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Storage_FailingAtEachWriteOfARun_EveryRunEndsOnce(bool isWritten)
    {
        var writes = new ConcurrentDictionary<RunId, int>();
        var failsAt = new ConcurrentDictionary<RunId, int>();
        var failed = new ConcurrentDictionary<RunId, bool>();
        Exception? Fault(object row)
        {
            if (Faults.RunOf(row) is not { } run)
            {
                return null;
            }

            var number = writes.AddOrUpdate(run, 1, (_, n) => n + 1);
            return failsAt.TryGetValue(run, out var at) && at == number && failed.TryAdd(run, true) ? Faults.Unavailable : null;
        }

        if (isWritten)
        {
            _engine.Faults.AfterWrite = Fault;
        }
        else
        {
            _engine.Faults.BeforeWrite = Fault;
        }

        var clean = await _engine.StartAsync(TwoJobs);
        await _engine.EndAsync(clean);
        // A busy machine may need a write or two more.
        var points = writes[clean];
        Assert.InRange(points, 8, 60);
        var runs = await Task.WhenAll(Enumerable.Range(1, points).Select(n => _engine.StartAsync(TwoJobs, r => failsAt[r] = n)));
        using var waking = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var recovery = Task.Run(
            async () =>
            {
                // What the reminder does once a minute, without the wait.
                using var every = new PeriodicTimer(TimeSpan.FromMilliseconds(200), TimeProvider.System);
                while (await every.WaitForNextTickAsync(waking.Token))
                {
                    await _engine.Grains.GetGrain<IRecoveryGrain>(0).Sweep(waking.Token);
                }
            },
            Stop
        );
        foreach (var run in runs)
        {
            var tree = await _engine.EndAsync(run);
            Assert.Equal(Status.Success, tree.Run.Status);
            Assert.Equal(["a", "b", "c"], _engine.Executor.Commands.Where(c => c.Worker.RunId == run).Select(c => c.StepName));
            tree.AssertHistoryFolds();
            await _engine.SettledAsync(tree);
            Assert.All(
                tree.Jobs.SelectMany(j => j.Steps).SelectMany(s => s.Executions),
                e => Assert.True(_engine.Logs.Sealed.ContainsKey(e.Id))
            );
            Assert.All(tree.Jobs, j => Assert.True(_engine.Executor.Released.ContainsKey((j.Id, 1))));
        }

        await waking.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => recovery);
        Assert.True(failed.Count >= points - 3, $"Only {failed.Count} of {points} writes failed.");
    }

    [Fact]
    public async Task Claim_WaitingWhileAWriteFails_FailsAtOnce()
    {
        TaskCompletionSource<ExecutionReport> gate = null!;
        var run = await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a"), Step("b"))), r => gate = _engine.Executor.Hold(r, "a"));
        var spec = await _engine.Executor.Started(run, "a");
        var second = (await _engine.TreeAsync(run)).Step("b");
        var id = spec.Worker.Steps.Single(s => s.StepId == second.Id).FirstExecutionId;
        var fails = 1;
        _engine.Faults.BeforeWrite = row =>
            row is ExecutionRecord e && e.Id == id && Interlocked.Exchange(ref fails, 0) == 1 ? Faults.Unavailable : null;
        var grain = _engine.Grains.GetGrain<IExecutionGrain>(id.Value);
        var claim = grain.Claim($"runner-{id}", TimeSpan.FromSeconds(25), Stop);
        // The claim has arrived before the write.
        await grain.Heartbeat("", Stop);
        gate.SetResult(FakeExecutor.Success);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => claim);
        Assert.Equal(Status.Success, (await _engine.EndAsync(run)).Run.Status);
    }

    [Fact]
    public async Task Start_WithAWaitingClaimWhoseInputsCantBeRead_Continues()
    {
        // No job looks after its execution during the test.
        await using var own = new EngineCluster { Configure = o => o.ReconcilePeriod = TimeSpan.FromMinutes(10) };
        await own.InitializeAsync();
        TaskCompletionSource<ExecutionReport> gate = null!;
        var needy = Step("b") with { Inputs = [new() { Type = "binary", Path = "in" }] };
        var run = await own.StartAsync(Of(Job("j", JobType.Deploy, Step("a"), needy)), r => gate = own.Executor.Hold(r, "a"));
        var spec = await own.Executor.Started(run, "a");
        var id = spec.Worker.Steps.Single(s => s.Name == "b").FirstExecutionId;
        var fails = 1;
        own.Faults.BeforeFind = _ => Interlocked.Exchange(ref fails, 0) == 1 ? Faults.Unavailable : null;
        var grain = own.Grains.GetGrain<IExecutionGrain>(id.Value);
        var claim = grain.Claim($"runner-{id}", TimeSpan.FromSeconds(25), Stop);
        // The claim has arrived before the start.
        await grain.Heartbeat("", Stop);
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(ClaimKind.NotNeeded, (await claim).Kind);
        Assert.Equal((0, Reason.ArtifactMissing), (fails, (await own.EndAsync(run)).Step("b").Reason!.Value));
    }

    [Fact]
    public async Task Claim_WhoseOwnCallFailed_GetsNoWork()
    {
        var own = new EngineCluster { AdmissionLimit = 1 };
        await own.InitializeAsync();
        await using var _ = own;
        TaskCompletionSource<ExecutionReport> gate = null!;
        var first = await own.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => gate = own.Executor.Hold(r, "a"));
        await own.Executor.Started(first, "a");
        var second = await own.StartAsync(Of(Job("j", JobType.Build, Step("b"))));
        Guid waiting;
        do
        {
            await own.Grains.GetGrain<IPipelineRunGrain>(second.Value).Touch(Stop);
            waiting = (await own.TreeAsync(second)).Step("b").Executions is [var only, ..] ? only.Id.Value : default;
        } while (waiting == default);

        own.Faults.Call = (type, method) =>
            method == nameof(IExecutionGrain.Admitted) ? new InvalidOperationException("The gateway is gone.") : null;
        await Assert.ThrowsAnyAsync<Exception>(() =>
            own.Grains.GetGrain<IExecutionGrain>(waiting).Claim("gone", TimeSpan.FromSeconds(20), Stop)
        );
        own.Faults.Call = (_, _) => null;
        gate.SetResult(FakeExecutor.Success);
        Assert.Equal(Status.Success, (await own.EndAsync(second)).Run.Status);
        Assert.Equal($"runner-{new ExecutionId(waiting)}", (await own.Grains.GetGrain<IExecutionGrain>(waiting).Get(Stop)).ClaimedBy);
    }

    [Fact]
    public async Task StorageUnavailable_EveryCall_FailsWithOurExceptionFromEverySilo()
    {
        var run = (await _engine.EndAsync(await _engine.StartAsync(TwoJobs))).Run.Id;
        _engine.Faults.BeforeRead = _ => Faults.Unavailable;
        foreach (var silo in _engine.Cluster.Silos)
        {
            var grains = _engine.Cluster.GetSiloServiceProvider(silo.SiloAddress).GetRequiredService<IGrainFactory>();
            // Sixteen of each: some live on the caller's silo, some on the other.
            for (var i = 0; i < 16; i++)
            {
                var id = Guid.CreateVersion7(TimeProvider.System.GetUtcNow());
                await Assert.ThrowsAsync<StorageUnavailableException>(() => grains.GetGrain<IPipelineRunGrain>(id).Get(Stop));
                await Assert.ThrowsAsync<StorageUnavailableException>(() => grains.GetGrain<IExecutionGrain>(id).Heartbeat("", Stop));
                await Assert.ThrowsAsync<StorageUnavailableException>(() => grains.GetGrain<IJobGrain>(id).Touch(Stop));
                await Assert.ThrowsAsync<StorageUnavailableException>(() => grains.GetGrain<IRepositoryGrain>(id).Reserve(null, "", Stop));
            }
        }

        // A client without our filter finds it in the chain.
        var error = await Assert.ThrowsAnyAsync<Exception>(() =>
            _engine.Grains.GetGrain<IPipelineRunGrain>(Guid.CreateVersion7(TimeProvider.System.GetUtcNow())).Get(Stop)
        );
        Assert.Contains(Chain(error), e => e is StorageUnavailableException);
        _engine.Faults.BeforeRead = _ => null;
        Assert.Equal(run, (await _engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).Get(Stop)).Id);
    }

    [Fact]
    public async Task StorageUnavailable_Write_FailsWithOurExceptionForAnOutsideClientToo()
    {
        var run = await _engine.StartAsync(Of(Job("j", JobType.Build, Step("a"))), r => _engine.Executor.Hold(r, "a"));
        await _engine.Executor.Started(run, "a");
        _engine.Faults.BeforeWrite = row => Faults.RunOf(row) == run ? Faults.Unavailable : null;
        var cancel = new CancelRequest(TimeProvider.System.GetUtcNow(), Reason.CanceledByUser, "Canceled by Ada.", "token:ada");
        await Assert.ThrowsAsync<StorageUnavailableException>(() =>
            _engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).Cancel(cancel, Stop)
        );
        _engine.Faults.BeforeWrite = _ => null;
        await _engine.Grains.GetGrain<IPipelineRunGrain>(run.Value).Cancel(cancel, Stop);
        Assert.Equal(Status.Canceled, (await _engine.EndAsync(run)).Run.Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Repository_FailedWrite_NumbersAndKeysStayConsistent(bool isWritten)
    {
        var repository = _engine.Grains.GetGrain<IRepositoryGrain>(RepositoryId.New(TimeProvider.System).Value);
        Assert.Equal(1, (await repository.Reserve("one", "f", Stop)).RunNumber);
        var fails = 1;
        Exception? Fault(object row) => Faults.RunOf(row) is null && Interlocked.Exchange(ref fails, 0) == 1 ? Faults.Unavailable : null;
        (_engine.Faults.BeforeWrite, _engine.Faults.AfterWrite) = isWritten
            ? (_engine.Faults.BeforeWrite, Fault)
            : ((Func<object, Exception?>)Fault, _engine.Faults.AfterWrite);
        // Both are in the grain's queue when the first one's write fails; the other may reach the activation that is about to end.
        var answers = await Task.WhenAll(TryAsync(), TryAsync());
        Assert.Contains(null, answers);
        var known = answers.FirstOrDefault(a => a is not null);
        var again = await repository.Reserve("two", "f", Stop);
        Assert.Equal((2, isWritten || known is not null), (again.RunNumber, again.IsRepeat));
        Assert.True(known is null || known.RunId == again.RunId);
        Assert.Equal(3, (await repository.Reserve("three", "f", Stop)).RunNumber);

        async Task<RunReservation?> TryAsync()
        {
            try
            {
                return await repository.Reserve("two", "f", Stop);
            }
            catch (StorageUnavailableException)
            {
                return null;
            }
        }
    }

    private static IEnumerable<Exception> Chain(Exception error)
    {
        for (Exception? e = error; e is not null; e = e.InnerException)
        {
            yield return e;
        }
    }
}
