using System.Globalization;
using Shipinator.Testing;

namespace Shipinator.Benchmarks;

/// <summary>(2) Durable runs per second: 3 jobs of 2 steps, an executor that reports success immediately.</summary>
public static class RunsBenchmark
{
    private const int Concurrent = 64;
    private const int RunsPerRound = 1500;
    private const int Rounds = 5;

    /// <summary>Prints a row per round and the median; the baseline of the same run is a single commit on the same server.</summary>
    public static async Task<int> RunAsync()
    {
        await using var postgres = new PostgresFixture { Fsync = true };
        await postgres.InitializeAsync();
        await using var host = await EngineHost.StartAsync(
            await postgres.CreateDatabaseAsync(migrated: true),
            services => new InstantExecutor((IGrainFactory)services.GetService(typeof(IGrainFactory))!)
        );
        var maker = new RunMaker(host.Data);
        await maker.PrepareAsync();

        await RoundAsync(host, maker, 300);
        var runs = new List<double>();
        var commits = new List<double>();
        for (var round = 1; round <= Rounds; round++)
        {
            commits.Add(await Yardstick.CommitsPerSecondAsync(host.Data));
            var start = TimeProvider.System.GetTimestamp();
            await RoundAsync(host, maker, RunsPerRound);
            runs.Add(RunsPerRound / TimeProvider.System.GetElapsedTime(start).TotalSeconds);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"round {round}: {runs[^1]:F0} runs/s; baseline {commits[^1]:F0} single commits/s"
                )
            );
        }

        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"median: {Yardstick.Median(runs):F0} runs/s of 3 jobs x 2 steps ({Concurrent} at once); "
                    + $"single commits {Yardstick.Median(commits):F0}/s; "
                    + $"runs per commit {Yardstick.Median(runs) / Yardstick.Median(commits):F3}"
            )
        );
        return 0;
    }

    private static async Task RoundAsync(EngineHost host, RunMaker maker, int count)
    {
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count),
            new ParallelOptions { MaxDegreeOfParallelism = Concurrent },
            async (_, cancellation) =>
            {
                var grain = host.Grains.GetGrain<IPipelineRunGrain>(RunId.New(TimeProvider.System).Value);
                await grain.Create(maker.Make(jobs: 3, steps: 2), cancellation);
                await EndOfRun.WaitAsync(grain, cancellation);
            }
        );
    }
}

/// <summary>Waits for a run's end.</summary>
public static class EndOfRun
{
    /// <summary>Polls the grain until the run is terminal; throws when it did not succeed.</summary>
    public static async Task WaitAsync(IPipelineRunGrain grain, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(grain);
        while (true)
        {
            var run = await grain.Get(cancellationToken);
            if (run.Life.IsTerminal)
            {
                if (run.Life.Status != Status.Success)
                {
                    throw new InvalidOperationException($"Run {run.Id} ended with status {run.Life.Status}: {run.Life.Detail}");
                }

                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(25), TimeProvider.System, cancellationToken);
        }
    }
}
