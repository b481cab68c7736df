using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Shipinator.Executors.Tests.Kubernetes;

namespace Shipinator.Executors.Tests;

/// <summary>The sweep over whatever executor: what the owner says decides, and one that does not respond delays nobody else.</summary>
public sealed class WorkerSweepTests : IWorkerOwnership
{
    private readonly ConcurrentDictionary<JobId, WorkerNeed?> _owners = new();

    [Fact]
    public async Task Sweep_RemovesEndedOrUnknownWorkers_AndKeepsNeededUnansweredOrForeignOnes()
    {
        var time = new Agenda();
        var inventory = new Inventory(
            Worker(WorkerNeed.Over, mayBeForeign: true),
            Worker(null),
            Worker(WorkerNeed.Needed),
            Worker(WorkerNeed.Unknown),
            Worker(WorkerNeed.Unknown, mayBeForeign: true),
            Worker(WorkerNeed.Over)
        );
        using var sweep = new WorkerSweep([inventory], this, time, NullLogger<WorkerSweep>.Instance);
        await sweep.StartAsync(default);
        var began = TimeProvider.System.GetTimestamp();
        while (inventory.Looked < 3)
        {
            time.Pass(inventory.SweepPeriod);
            await Task.Yield();
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "No sweep took place in time.");
        }

        await sweep.StopAsync(default);
        Assert.Equal(new[] { 0, 3, 5 }.Select(i => inventory.Workers[i].Job).ToHashSet(), inventory.Released.ToHashSet());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sweep_UnexpectedError_IsRetried(bool inTidy)
    {
        var time = new Agenda();
        var inventory = new Inventory(Worker(WorkerNeed.Over)) { FailuresLeft = 2, FailsInTidy = inTidy };
        using var sweep = new WorkerSweep([inventory], this, time, NullLogger<WorkerSweep>.Instance);
        await sweep.StartAsync(default);
        var began = TimeProvider.System.GetTimestamp();
        while (inventory.Released.IsEmpty)
        {
            Assert.False(sweep.ExecuteTask!.IsCompleted, "The service has ended, which ends the server.");
            time.Pass(inventory.SweepPeriod);
            await Task.Yield();
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "No sweep took place in time.");
        }

        await sweep.StopAsync(default);
        Assert.Equal(0, inventory.FailuresLeft);
    }

    public Task<WorkerNeed> Ask(JobId job, int attempt, CancellationToken cancellationToken) =>
        _owners[job] is { } need ? Task.FromResult(need) : throw new TimeoutException("The grain's silo is away.");

    private FoundWorker Worker(WorkerNeed? need, bool mayBeForeign = false)
    {
        var job = JobId.New(TimeProvider.System);
        _owners[job] = need;
        return new(job, 1, $"worker {job}", mayBeForeign);
    }

    private sealed class Inventory(params FoundWorker[] workers) : IWorkerInventory
    {
        public FoundWorker[] Workers => workers;

        public int Looked { get; private set; }

        /// <summary>How often it fails before it works.</summary>
        public int FailuresLeft { get; set; }

        public bool FailsInTidy { get; init; }

        public ConcurrentBag<JobId> Released { get; } = [];

        public string Type => "inventory";

        public TimeSpan SweepPeriod => TimeSpan.FromMinutes(5);

        public IReadOnlyCollection<FoundWorker> FindWorkers()
        {
            Looked++;
            Fail(!FailsInTidy);
            return workers;
        }

        public Task Tidy(CancellationToken cancellationToken)
        {
            Fail(FailsInTidy);
            return Task.CompletedTask;
        }

        private void Fail(bool here)
        {
            if (here && FailuresLeft > 0)
            {
                FailuresLeft--;
                throw new InvalidOperationException("An unexpected error.");
            }
        }

        public Task Release(JobId job, int attempt, CancellationToken cancellationToken)
        {
            Released.Add(job);
            return Task.CompletedTask;
        }

        public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
