using System.Diagnostics;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Shipinator.Schema;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Hosting;
using Shipinator.Silo.Standalone;
using Shipinator.Testing;
using Shipinator.WebFrontend.Security;

namespace Shipinator.Benchmarks.Live;

/// <summary>
/// (6) What many viewers cost a run: its transitions per second with and without 1,000 open pages of it, each a real circuit over
/// a real WebSocket from another process. A step takes 50 ms, far less than any real one.
/// </summary>
public static class ViewersBenchmark
{
    private const int Viewers = 1000;
    private const int Rounds = 5;
    private static readonly TimeSpan StepTime = TimeSpan.FromMilliseconds(50);

    /// <summary>Rounds alternate: no viewers, 1,000 viewers of this run, 1,000 viewers of another run that has ended.</summary>
    public static async Task<int> RunAsync()
    {
        await using var postgres = new PostgresFixture { Fsync = true };
        await postgres.InitializeAsync();
        await using var database = ShipinatorDatabase.Create(await postgres.CreateDatabaseAsync());
        var root = Directory.CreateTempSubdirectory("ship-viewers-").FullName;
        var folder = DataFolder.Open(root, exclusive: false);
        var port = DataFolder.FreePort();
        var options = new ShipinatorOptions { Port = port };
        options.Process.RunnerPath = Path.GetFullPath("Silo/bin/Release/net10.0/runner/Shipinator.Runner.dll");
        await using var app = SiloApp.Build(
            [],
            new ConfigurationBuilder().Build(),
            options,
            database,
            folder,
            port,
            services =>
            {
                services.AddSingleton<GatedExecutor>();
                services.AddSingleton<IExecutorRegistry, GatedExecutors>();
                services.AddLogging(l => l.ClearProviders());
            }
        );
        await SiloApp.PrepareAsync(app);
        var token = await BootstrapTokens.CreateAsync(app.Services, "bench", Policies.Admin);
        var link = app.Services.GetRequiredService<SignInLinks>().Issue(token);
        await app.StartAsync();
        var server = new Uri($"http://127.0.0.1:{port}");
        var cookie = await SignInAsync(server, link);
        var maker = new RunMaker(database.DataSource);
        await maker.PrepareAsync();

        await RoundAsync(app, maker, database.DataSource, (_, _) => Task.FromResult<Crowd?>(null));
        var over = await RoundAsync(app, maker, database.DataSource, (_, _) => Task.FromResult<Crowd?>(null));
        var (alone, watched, elsewhere) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 1; round <= Rounds; round++)
        {
            alone.Add((await RoundAsync(app, maker, database.DataSource, (_, _) => Task.FromResult<Crowd?>(null))).Rate);
            watched.Add(
                (await RoundAsync(app, maker, database.DataSource, (run, _) => Crowd.StartAsync(server, cookie, run, Viewers))).Rate
            );
            elsewhere.Add(
                (await RoundAsync(app, maker, database.DataSource, (_, _) => Crowd.StartAsync(server, cookie, over.Run, Viewers))).Rate
            );
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"round {round}: {alone[^1]:F0} transitions/s alone, {watched[^1]:F0} with {Viewers} viewers, "
                        + $"{elsewhere[^1]:F0} with {Viewers} viewers of another run"
                )
            );
        }

        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"median: {Yardstick.Median(alone):F0} transitions/s alone, {Yardstick.Median(watched):F0} with {Viewers} viewers: "
                    + $"ratio {Yardstick.Median(watched.Zip(alone, (w, a) => w / a)):F2}; "
                    + $"{Viewers} viewers of another run: ratio {Yardstick.Median(elsewhere.Zip(alone, (w, a) => w / a)):F2}"
            )
        );
        await app.StopAsync();
        Directory.Delete(root, recursive: true);
        return 0;
    }

    /// <summary>
    /// The viewers' own process: <c>viewers-crowd SERVER COOKIE PATH COUNT</c>. Prints <c>ready</c>, and at the end what it received.
    /// </summary>
    public static async Task<int> CrowdAsync(string server, string cookie, string path, string count)
    {
        var circuits = new List<Circuit>();
        var wanted = int.Parse(count, CultureInfo.InvariantCulture);
        while (circuits.Count < wanted)
        {
            circuits.AddRange(
                await Task.WhenAll(
                    Enumerable
                        .Range(0, Math.Min(20, wanted - circuits.Count))
                        .Select(_ => Circuit.OpenAsync(new(server), path, cookie, CancellationToken.None))
                )
            );
        }

        var before = circuits.Sum(c => c.Batches);
        Console.WriteLine("ready");
        await Console.In.ReadLineAsync();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{(circuits.Sum(c => c.Batches) - before) / (double)wanted:F1} batches per viewer; "
                    + $"{circuits.Count(c => c.Error is not null)} errors"
                    + $"{(circuits.FirstOrDefault(c => c.Error is not null)?.Error is { } e ? ": " + e : "")}"
            )
        );
        return 0;
    }

    private static async Task<(double Rate, string Run)> RoundAsync(
        WebApplication app,
        RunMaker maker,
        NpgsqlDataSource data,
        Func<string, CancellationToken, Task<Crowd?>> gather
    )
    {
        var executor = app.Services.GetRequiredService<GatedExecutor>();
        executor.Close();
        var grain = app.Services.GetRequiredService<IGrainFactory>().GetGrain<IPipelineRunGrain>(RunId.New(TimeProvider.System).Value);
        var id = grain.GetPrimaryKey();
        await grain.Create(maker.Make(jobs: 12, steps: 25));
        await using var crowd = await gather(id.ToString(), CancellationToken.None);
        var start = TimeProvider.System.GetTimestamp();
        executor.Open();
        await EndOfRun.WaitAsync(grain, CancellationToken.None);
        var took = TimeProvider.System.GetElapsedTime(start);
        await using var count = data.CreateCommand("SELECT count(*) FROM state_transitions WHERE run_id = $1");
        count.Parameters.AddWithValue(id);
        return ((long)(await count.ExecuteScalarAsync())! / took.TotalSeconds, id.ToString());
    }

    private static async Task<string> SignInAsync(Uri server, string link)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = server };
        using var response = await http.GetAsync(link);
        return response.StatusCode == HttpStatusCode.Redirect && response.Headers.TryGetValues("Set-Cookie", out var cookies)
            ? string.Join("; ", cookies.Select(c => c.Split(';')[0]))
            : throw new InvalidOperationException($"Signing in failed with status {(int)response.StatusCode}.");
    }

    /// <summary>A process with all the viewers.</summary>
    private sealed class Crowd(Process process) : IAsyncDisposable
    {
        public static async Task<Crowd?> StartAsync(Uri server, string cookie, string run, int count)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
            foreach (
                var argument in new[]
                {
                    Environment.GetCommandLineArgs()[0],
                    "viewers-crowd",
                    server.ToString(),
                    cookie,
                    $"/runs/{run}",
                    count.ToString(CultureInfo.InvariantCulture),
                }.Skip(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? 0 : 1)
            )
            {
                start.ArgumentList.Add(argument);
            }

            var process = Process.Start(start)!;
            return await process.StandardOutput.ReadLineAsync() == "ready"
                ? new(process)
                : throw new InvalidOperationException("The viewers' process ended before all pages were open.");
        }

        public async ValueTask DisposeAsync()
        {
            await process.StandardInput.WriteLineAsync();
            Console.WriteLine("  " + await process.StandardOutput.ReadToEndAsync());
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    /// <summary>Reports success after a short delay, but nothing before its gate is open.</summary>
    private sealed class GatedExecutor(IGrainFactory grains) : IWorkerExecutor
    {
        private TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Type => "made-up";

        public void Close() => _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Open() => _gate.TrySetResult();

        public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
        {
            _ = Task.Run(
                async () =>
                {
                    await _gate.Task;
                    await Task.Delay(StepTime, TimeProvider.System);
                    await grains
                        .GetGrain<IExecutionGrain>(spec.ExecutionId.Value)
                        .Report(new ExecutionReport { Status = Shipinator.Status.Success, ExitCode = 0 }, CancellationToken.None);
                },
                CancellationToken.None
            );
            return Task.FromResult(ExecutionHandle.Of(spec, Type));
        }

        public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken) =>
            Task.FromResult(new ExecutionStatus { Status = Shipinator.Status.Running });

        public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task Release(JobId job, int attempt, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class GatedExecutors(GatedExecutor executor) : IExecutorRegistry
    {
        public IReadOnlyCollection<string> Types => [executor.Type];

        public IWorkerExecutor Get(string type) => executor;
    }
}
