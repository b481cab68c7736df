using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Storage;
using Shipinator.Schema;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Benchmarks;

/// <summary>
/// (1) Durable transitions per second of 128 executions at once: our relational storage, which also appends the history and
/// notifies, compared with Orleans' stock AdoNet storage with the same records, on the same server in the same run.
/// </summary>
public static class StorageBenchmark
{
    private const int Writers = 128;
    private const int Rounds = 5;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RoundLength = TimeSpan.FromSeconds(4);

    /// <summary>Prints a row per round, the medians and their ratio. Returns 0.</summary>
    public static async Task<int> RunAsync()
    {
        await using var postgres = new PostgresFixture { Fsync = true };
        await postgres.InitializeAsync();
        await using var database = ShipinatorDatabase.Create(await postgres.CreateDatabaseAsync());
        var (siloPort, gatewayPort) = (FreePort(), FreePort());
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.UseOrleans(silo =>
            silo.UseLocalhostClustering(siloPort, gatewayPort).UseShipinatorAdoNet(database).AddRelationalGrainStorage()
        );
        builder.Services.AddShipinatorSchema(database);
        using var host = builder.Build();
        await host.StartAsync();
        var ours = host.Services.GetRequiredKeyedService<IGrainStorage>(StorageNames.Relational);
        var stock = host.Services.GetRequiredKeyedService<IGrainStorage>(StorageNames.Coordinators);
        var jobs = await PlantAsync(host.Services, ours);

        await RoundAsync(ours, jobs, Writers, WarmUp);
        await RoundAsync(stock, jobs, Writers, WarmUp);
        var results = new List<(Result Ours, Result Stock)>();
        for (var round = 1; round <= Rounds; round++)
        {
            // Each goes first in every other round: the data that one leaves behind must not always slow down the other.
            var oursFirst = round % 2 == 1;
            var first = await RoundAsync(oursFirst ? ours : stock, jobs, Writers, RoundLength);
            var second = await RoundAsync(oursFirst ? stock : ours, jobs, Writers, RoundLength);
            results.Add(oursFirst ? (first, second) : (second, first));
            Write($"round {round}", results[^1].Ours, results[^1].Stock);
        }

        Write("median", Median(results.Select(r => r.Ours)), Median(results.Select(r => r.Stock)));
        var alone = await RoundAsync(ours, jobs, 1, WarmUp);
        var stockAlone = await RoundAsync(stock, jobs, 1, WarmUp);
        Write("one writer", alone, stockAlone);
        await host.StopAsync();
        return 0;
    }

    private static void Write(string label, Result ours, Result stock) =>
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{label}: relational {ours.PerSecond:F0}/s (p50 {ours.P50:F1} ms, p99 {ours.P99:F1} ms); "
                    + $"stock {stock.PerSecond:F0}/s (p50 {stock.P50:F1} ms, p99 {stock.P99:F1} ms); "
                    + $"ratio {ours.PerSecond / stock.PerSecond:F2}"
            )
        );

    private static Result Median(IEnumerable<Result> results)
    {
        var all = results.ToList();
        return new(
            Yardstick.Median(all.Select(r => r.PerSecond)),
            Yardstick.Median(all.Select(r => r.P50)),
            Yardstick.Median(all.Select(r => r.P99))
        );
    }

    /// <summary>Each writer takes one execution after another through its lifecycle: four writes.</summary>
    private static async Task<Result> RoundAsync(IGrainStorage storage, IReadOnlyList<JobRecord> jobs, int writers, TimeSpan length)
    {
        var time = TimeProvider.System;
        var latencies = new ConcurrentBag<List<double>>();
        var began = time.GetTimestamp();
        await Task.WhenAll(
            Enumerable
                .Range(0, writers)
                .Select(writer =>
                    Task.Run(async () =>
                    {
                        var mine = new List<double>();
                        while (time.GetElapsedTime(began) < length)
                        {
                            var record = NewExecution(jobs[writer % jobs.Count]);
                            var id = GrainId.Create(GrainType.Create("execution"), GrainIdKeyExtensions.CreateGuidKey(record.Id.Value));
                            var state = new GrainState<Stored<ExecutionRecord>>(new() { Row = record });
                            await WriteAsync(null, record);
                            foreach (var to in (Status[])[Status.Submitted, Status.Running, Status.Success])
                            {
                                var next = record with { Life = record.Life.MoveTo(to, time.GetUtcNow()) };
                                await WriteAsync(record.Life, next);
                                record = next;
                            }

                            async Task WriteAsync(Lifecycle? before, ExecutionRecord row)
                            {
                                state.State!.Row = row;
                                state.State.Uncommitted =
                                [
                                    Transition.Between(before, row.Life, row.Id.Value, row.Spec.Worker.RunId, "system")!,
                                ];
                                var start = time.GetTimestamp();
                                await storage.WriteStateAsync("benchmark", id, state);
                                mine.Add(time.GetElapsedTime(start).TotalMilliseconds);
                            }
                        }

                        latencies.Add(mine);
                    })
                )
        );
        var seconds = time.GetElapsedTime(began).TotalSeconds;
        var all = latencies.SelectMany(l => l).ToList();
        return new(all.Count / seconds, Yardstick.Percentile(all, 0.5), Yardstick.Percentile(all, 0.99));
    }

    private static async Task<IReadOnlyList<JobRecord>> PlantAsync(IServiceProvider services, IGrainStorage storage)
    {
        var time = TimeProvider.System;
        var project = await services.GetRequiredService<ProjectStore>().CreateAsync("benchmark", null);
        var repository = await services
            .GetRequiredService<RepositoryStore>()
            .CreateAsync(new(project.Id, "benchmark", "git", "/benchmark", "main"));
        var pipeline = await services.GetRequiredService<PipelineStore>().EnsureAsync(repository.Id, "benchmark", "push");
        var trigger = new TriggerFacts
        {
            Event = "push",
            Ref = "refs/heads/main",
            Commit = new string('a', 40),
            Branch = "main",
        };
        var plan = new RunPlan
        {
            Trigger = trigger,
            Jobs =
            [
                .. Enumerable
                    .Range(0, Writers)
                    .Select(j => new JobPlan
                    {
                        Name = $"job{j}",
                        Type = JobType.Build,
                        Timeout = TimeSpan.FromHours(1),
                        Steps =
                        [
                            new()
                            {
                                Name = "step",
                                Order = 0,
                                Image = "alpine",
                                Run = "true",
                                Timeout = TimeSpan.FromMinutes(1),
                            },
                        ],
                    }),
            ],
        };
        var run = new RunRecord
        {
            Id = RunId.New(time),
            PipelineId = pipeline.Id,
            RepositoryId = repository.Id,
            ProjectId = project.Id,
            ProjectName = project.Name,
            RepositoryName = repository.Name,
            RunNumber = 1,
            Source = new()
            {
                CloneUrl = repository.CloneUrl,
                Ref = trigger.Ref,
                Commit = trigger.Commit,
            },
            Executor = "process",
            Plan = plan,
            Jobs = [.. plan.Jobs.Select(_ => new RunJob { Id = JobId.New(time), Steps = [StepId.New(time)] })],
            Actor = "system",
            Life = Lifecycle.Begin(Machine.Run, time.GetUtcNow()),
        };
        var initial = PendingJobs.Of(run);
        var state = new GrainState<Stored<RunRecord>>(
            new()
            {
                Row = run,
                InitialJobs = initial,
                Uncommitted = [Transition.Between(null, run.Life, run.Id.Value, run.Id, "system")!, .. PendingJobs.History(run, initial)],
            }
        );
        await storage.WriteStateAsync(
            "benchmark",
            GrainId.Create(GrainType.Create("run"), GrainIdKeyExtensions.CreateGuidKey(run.Id.Value)),
            state
        );
        return await Task.WhenAll(
            run.Jobs.Select(async job =>
            {
                var read = new GrainState<Stored<JobRecord>>(new());
                await storage.ReadStateAsync(
                    "benchmark",
                    GrainId.Create(GrainType.Create("job"), GrainIdKeyExtensions.CreateGuidKey(job.Id.Value)),
                    read
                );
                return read.State!.Row!;
            })
        );
    }

    private static ExecutionRecord NewExecution(JobRecord job)
    {
        var now = TimeProvider.System.GetUtcNow();
        var id = ExecutionId.New(TimeProvider.System);
        var step = job.Spec.Plan.Steps[0];
        return new()
        {
            Id = id,
            ExecutorType = "process",
            ExternalId = $"ship-{id.Value:N}",
            Life = Lifecycle.Begin(Machine.Execution, now),
            SubmittedAt = now,
            Spec = new()
            {
                ExecutionId = id,
                StepId = job.Steps[0].Id,
                Attempt = 1,
                Image = step.Image,
                Script = step.Run,
                Env = ImmutableSortedDictionary<string, string>.Empty.Add("CI", "true"),
                Timeout = step.Timeout,
                StepName = step.Name,
                Worker = new()
                {
                    ProjectId = job.Spec.ProjectId,
                    RepositoryId = job.Spec.RepositoryId,
                    RunId = job.Spec.RunId,
                    JobId = job.Id,
                    Attempt = 1,
                    Steps = [new(job.Steps[0].Id, id, step.Name, step.Image, null)],
                    Timeout = job.Spec.Plan.Timeout,
                },
            },
        };
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed record Result(double PerSecond, double P50, double P99);
}
