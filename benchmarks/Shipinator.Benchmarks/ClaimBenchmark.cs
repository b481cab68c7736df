using System.Collections.Concurrent;
using System.Globalization;
using Shipinator.Testing;

namespace Shipinator.Benchmarks;

/// <summary>
/// (4) From a step's callback to the response to the next step's claim, which is already waiting, like that of a step's container
/// or of a runner that was started ahead.
/// </summary>
public static class ClaimBenchmark
{
    private const int Steps = 21;

    /// <summary>Prints p50 and p99 at 1 and at 100 concurrent runs, and the time of one single commit.</summary>
    public static async Task<int> RunAsync()
    {
        await using var postgres = new PostgresFixture { Fsync = true };
        await postgres.InitializeAsync();
        var executor = new WaitingExecutor();
        await using var host = await EngineHost.StartAsync(await postgres.CreateDatabaseAsync(migrated: true), _ => executor);
        var maker = new RunMaker(host.Data);
        await maker.PrepareAsync();

        await MeasureAsync(host, maker, executor, 20);
        foreach (var concurrent in new[] { 1, 100 })
        {
            var commit = 1000 / await Yardstick.CommitsPerSecondAsync(host.Data);
            var times = new List<double>();
            for (var round = 0; round < (concurrent == 1 ? 15 : 3); round++)
            {
                times.AddRange(await MeasureAsync(host, maker, executor, concurrent));
            }

            var p50 = Yardstick.Median(times);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{concurrent, 3} concurrent runs: p50 {p50:F1} ms, p99 {Yardstick.Percentile(times, 0.99):F1} ms "
                        + $"over {times.Count} claims; "
                        + $"one single commit {commit:F2} ms; p50 = {p50 / commit:F1} commits"
                )
            );
        }

        return 0;
    }

    private static async Task<IReadOnlyCollection<double>> MeasureAsync(
        EngineHost host,
        RunMaker maker,
        WaitingExecutor executor,
        int concurrent
    )
    {
        var times = new ConcurrentBag<double>();
        await Task.WhenAll(
            Enumerable
                .Range(0, concurrent)
                .Select(async _ =>
                {
                    var id = RunId.New(TimeProvider.System);
                    var worker = executor.WorkerOf(id);
                    var run = host.Grains.GetGrain<IPipelineRunGrain>(id.Value);
                    await run.Create(maker.Make(jobs: 1, steps: Steps));
                    var executions = (await worker)
                        .Steps.Select(s => host.Grains.GetGrain<IExecutionGrain>(s.FirstExecutionId.Value))
                        .ToList();
                    await ClaimAsync(executions[0]);
                    for (var i = 0; i + 1 < executions.Count; i++)
                    {
                        var next = ClaimAsync(executions[i + 1]);
                        var start = TimeProvider.System.GetTimestamp();
                        await executions[i].Report(new ExecutionReport { Status = Status.Success, ExitCode = 0 });
                        await next;
                        times.Add(TimeProvider.System.GetElapsedTime(start).TotalMilliseconds);
                    }

                    await executions[^1].Report(new ExecutionReport { Status = Status.Success, ExitCode = 0 });
                    await EndOfRun.WaitAsync(run, CancellationToken.None);
                })
        );
        return times;
    }

    private static async Task ClaimAsync(IExecutionGrain execution)
    {
        ClaimResult answer;
        do
        {
            answer = await execution.Claim("benchmark", TimeSpan.FromSeconds(20));
        } while (answer.Kind == ClaimKind.NotYet);

        if (answer.Kind != ClaimKind.Work)
        {
            throw new InvalidOperationException("The response to the claim contained no work.");
        }
    }

    /// <summary>Starts nothing: the benchmark acts as the runner.</summary>
    private sealed class WaitingExecutor : IWorkerExecutor
    {
        private readonly ConcurrentDictionary<RunId, TaskCompletionSource<WorkerSpec>> _workers = new();

        public string Type => "made-up";

        public Task<WorkerSpec> WorkerOf(RunId run) => Source(run).Task;

        public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
        {
            Source(spec.Worker.RunId).TrySetResult(spec.Worker);
            return Task.FromResult(ExecutionHandle.Of(spec, Type));
        }

        public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken) =>
            Task.FromResult(new ExecutionStatus { Status = Shipinator.Status.Running });

        public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task Release(JobId job, int attempt, CancellationToken cancellationToken) => Task.CompletedTask;

        private TaskCompletionSource<WorkerSpec> Source(RunId run) =>
            _workers.GetOrAdd(run, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
