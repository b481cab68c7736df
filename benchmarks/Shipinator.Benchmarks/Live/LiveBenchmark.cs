using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using Orleans.Configuration;
using Shipinator.Testing;

namespace Shipinator.Benchmarks.Live;

/// <summary>
/// (5) From the end of a step's process to its new state in a browser's page: two server processes on one database, a real
/// browser connected to the first, the runners to the second. Reported separately by where the job's grain is.
/// </summary>
public static class LiveBenchmark
{
    private const int Runs = 30;
    private const int Steps = 6;

    /// <summary>Records when a step's line shows success.</summary>
    private const string Watcher = """
        () => {
          window.seen = {};
          const look = () => {
            for (const s of document.querySelectorAll('.step[data-status=success]'))
              window.seen[s.dataset.step] ??= performance.timeOrigin + performance.now();
          };
          new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
          look();
        }
        """;

    /// <summary>Prints percentiles for both cases.</summary>
    public static async Task<int> RunAsync()
    {
        await using var postgres = new PostgresFixture { Fsync = true };
        await postgres.InitializeAsync();
        var root = Directory.CreateTempSubdirectory("ship-live-").FullName;
        await using var cluster = await TwoServers.StartAsync(
            await postgres.CreateDatabaseAsync(migrated: false),
            Path.Combine(root, "data")
        );
        var repository = Path.Combine(root, "steps");
        Directory.CreateDirectory(repository);
        // The last thing a step does is to write the time.
        var file =
            "build:\n  steps:\n"
            + string.Concat(
                Enumerable
                    .Range(0, Steps)
                    .Select(i => $"    - {{ name: s{i}, run: \"sleep 0.3; date +%s%N > {root}/$SHIPINATOR_RUN_ID-s{i}\" }}\n")
            );
        await File.WriteAllTextAsync(Path.Combine(repository, ".shipinator.yaml"), file);
        await ShellAsync(
            $"cd {repository} && git init -q -b main && git add -A && git -c user.name=b -c user.email=b@b commit -q -m steps"
        );
        var pipeline = await cluster.RegisterAsync(repository);

        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = "/usr/bin/chromium",
                Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
            }
        );
        var page = await browser.NewPageAsync();
        await page.GotoAsync(new Uri(cluster.First, "/signin").ToString());
        await page.GetByLabel("API token").FillAsync(cluster.Token);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.WaitForSelectorAsync("#content h1");

        var (here, there) = (new List<double>(), new List<double>());
        for (var round = 0; round <= Runs; round++)
        {
            var run = await cluster.TriggerAsync(pipeline);
            await page.GotoAsync(new Uri(cluster.First, $"/runs/{run}").ToString());
            await page.WaitForSelectorAsync(".step");
            await page.EvaluateAsync(Watcher);
            await page.WaitForSelectorAsync("[data-testid=run-status] [data-status=success]", new() { Timeout = 60_000 });
            await page.WaitForFunctionAsync($"() => Object.keys(window.seen).length === {Steps}");
            var seen = await page.EvaluateAsync<JsonElement>("() => window.seen");
            var isHere = await cluster.OwnerAsync(run) == 0;
            if (round == 0)
            {
                continue;
            }

            foreach (var step in Enumerable.Range(1, Steps - 1))
            {
                // Not the first: it may have ended before the page was open.
                var ended = long.Parse((await File.ReadAllTextAsync($"{root}/{run}-s{step}")).Trim(), CultureInfo.InvariantCulture) / 1e6;
                (isHere ? here : there).Add(seen.GetProperty($"s{step}").GetDouble() - ended);
            }
        }

        Console.WriteLine(Row("grain on the other silo", there));
        Console.WriteLine(Row("grain on the browser's silo", here));
        if (here.Count > 0 && there.Count > 0)
        {
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"ratio of the medians, other silo to own: {Yardstick.Median(there) / Yardstick.Median(here):F2}"
                )
            );
        }

        return 0;
    }

    private static string Row(string what, List<double> values) =>
        values.Count == 0
            ? $"{what}: none"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{what}: p50 {Yardstick.Median(values):F0} ms, p95 {Yardstick.Percentile(values, 0.95):F0} ms, "
                    + $"max {values.Max():F0} ms ({values.Count} steps)"
            );

    private static async Task ShellAsync(string script)
    {
        using var process = Process.Start("sh", ["-e", "-c", script]);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"'{script}' ended with {process.ExitCode}.");
        }
    }

    /// <summary>Two real servers on one database, and a client that knows where a grain is active.</summary>
    private sealed class TwoServers : IAsyncDisposable
    {
        private readonly List<(Process Process, int SiloPort)> _silos = [];
        private HttpClient _http = null!;
        private IHost _client = null!;

        public Uri First { get; private set; } = null!;

        public string Token { get; } = "shp_" + Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(24));

        public static async Task<TwoServers> StartAsync(string connectionString, string data)
        {
            var servers = new TwoServers();
            var ports = Enumerable.Range(0, 6).Select(_ => Shipinator.Silo.Standalone.DataFolder.FreePort()).ToArray();
            servers.First = new($"http://127.0.0.1:{ports[0]}");
            for (var i = 0; i < 2; i++)
            {
                var start = new ProcessStartInfo(
                    "dotnet",
                    [Path.GetFullPath("Silo/bin/Release/net10.0/Shipinator.Silo.dll"), "--data", data]
                )
                {
                    RedirectStandardOutput = true,
                };
                foreach (
                    var (name, value) in new Dictionary<string, string>
                    {
                        ["CONNECTIONSTRING"] = connectionString,
                        ["CLUSTERING"] = "AdoNet",
                        ["GIT__ALLOWLOCALPATHS"] = "true",
                        ["PROCESS__ONEMACHINE"] = "true",
                        ["PORT"] = Text(ports[i]),
                        ["RUNNERURL"] = $"http://127.0.0.1:{ports[1]}",
                        ["BOOTSTRAPTOKEN"] = servers.Token,
                        ["ORLEANS__SILOPORT"] = Text(ports[2 + i]),
                        // For the client below; a benchmark has its machine to itself.
                        ["ORLEANS__GATEWAYPORT"] = Text(ports[4 + i]),
                        ["ORLEANS__ALLOWUNAUTHENTICATEDPEERS"] = "true",
                    }
                )
                {
                    start.Environment["SHIPINATOR__" + name] = value;
                }

                var process = Process.Start(start)!;
                servers._silos.Add((process, ports[2 + i]));
                while (await process.StandardOutput.ReadLineAsync() is { } line && !line.Contains("listens on", StringComparison.Ordinal))
                {
                    // There is much output before that.
                }

                _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
            }

            servers._http = new() { BaseAddress = servers.First };
            servers._http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", servers.Token);
            servers._client = Host.CreateDefaultBuilder()
                .ConfigureLogging(l => l.ClearProviders())
                .UseOrleansClient(client =>
                    client
                        .UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", connectionString))
                        .Configure<ClusterOptions>(o => o.ClusterId = o.ServiceId = "shipinator")
                )
                .Build();
            await servers._client.StartAsync();
            return servers;
        }

        public async Task<string> RegisterAsync(string repository)
        {
            var project = await PostAsync("/v1/projects", new { name = "live" });
            var added = await PostAsync(
                $"/v1/projects/{Id(project)}/repositories",
                new
                {
                    vcs_provider = "git",
                    clone_url = repository,
                    default_branch = "main",
                }
            );
            var pipelines = await PostAsync($"/v1/repositories/{Id(added)}/sync", new { });
            return Id(pipelines.GetProperty("items").EnumerateArray().Single(p => p.GetProperty("trigger_type").GetString() == "manual"));
        }

        public async Task<string> TriggerAsync(string pipeline) =>
            Id(await PostAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" }));

        /// <summary>The server on which the grain of the run's only job is active: 0 or 1.</summary>
        public async Task<int> OwnerAsync(string run)
        {
            var job = (await _http.GetFromJsonAsync<JsonElement>($"/v1/pipeline-runs/{run}/jobs"))
                .GetProperty("jobs")[0]
                .GetProperty("id")
                .GetString()!;
            var grains = _client.Services.GetRequiredService<IGrainFactory>();
            var address = await grains.GetGrain<IManagementGrain>(0).GetActivationAddress(grains.GetGrain<IJobGrain>(Guid.Parse(job)));
            return address is null ? -1 : _silos.FindIndex(s => s.SiloPort == address.Endpoint.Port);
        }

        public async ValueTask DisposeAsync()
        {
            await _client.StopAsync();
            _client.Dispose();
            _http.Dispose();
            foreach (var (process, _) in _silos)
            {
                using var kill = Process.Start("kill", ["-TERM", Text(process.Id)]);
                await process.WaitForExitAsync();
                process.Dispose();
            }
        }

        private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

        private static string Id(JsonElement element) => element.GetProperty("id").GetString()!;

        private async Task<JsonElement> PostAsync(string path, object body)
        {
            using var response = await _http.PostAsJsonAsync(path, body);
            return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
        }
    }
}
