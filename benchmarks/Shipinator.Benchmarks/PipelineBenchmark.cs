using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Shipinator.Benchmarks;

/// <summary>
/// (3) Wall time of a pipeline of six steps that run <c>true</c>, through a real standalone server with the process
/// executor, beside a plain shell that does the same six.
/// </summary>
public static class PipelineBenchmark
{
    private const int Rounds = 9;

    /// <summary>From the request that triggers the run to the moment that its row is terminal; medians.</summary>
    public static async Task<int> RunAsync()
    {
        var root = Directory.CreateTempSubdirectory("ship-bench-").FullName;
        var repository = Path.Combine(root, "six");
        Directory.CreateDirectory(repository);
        await File.WriteAllTextAsync(Path.Combine(repository, ".shipinator.yaml"),
            "image: none\nbuild:\n  steps:\n" + string.Concat(Enumerable.Range(1, 6).Select(i => $"    - {{ name: s{i}, run: \"true\" }}\n")));
        await ShellAsync($"cd {repository} && git init -q -b main && git add -A && git -c user.name=b -c user.email=b@b commit -q -m six");

        using var server = Start(Path.Combine(root, "data"));
        try
        {
            using var http = await ConnectAsync(Path.Combine(root, "data"), server);
            var pipeline = await RegisterAsync(http, repository);
            var runs = new List<double>();
            var shells = new List<double>();
            for (var round = 0; round <= Rounds; round++)
            {
                var start = TimeProvider.System.GetTimestamp();
                await ShellAsync($"d=$(mktemp -d) && git clone -q {repository} $d/w && cd $d/w && for i in 1 2 3 4 5 6; do sh -e -c true; done; rm -rf $d");
                var shell = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
                start = TimeProvider.System.GetTimestamp();
                await RunOnceAsync(http, pipeline);
                var run = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
                if (round > 0)
                {
                    runs.Add(run);
                    shells.Add(shell);
                }
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"six steps of 'true': pipeline median {Yardstick.Median(runs):F0} ms (min {runs.Min():F0}, max {runs.Max():F0}); shell with clone {Yardstick.Median(shells):F0} ms; difference {Yardstick.Median(runs) - Yardstick.Median(shells):F0} ms, ratio {Yardstick.Median(runs) / Yardstick.Median(shells):F1}"));
            return 0;
        }
        finally
        {
            using var kill = Process.Start("kill", ["-TERM", server.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
            await server.WaitForExitAsync();
            Directory.Delete(root, recursive: true);
        }
    }

    private static Process Start(string data)
    {
        var program = Path.GetFullPath("Silo/bin/Release/net10.0/Shipinator.Silo.dll");
        var start = new ProcessStartInfo("dotnet", [program, "--data", data, "--port", "0"]) { RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static async Task<HttpClient> ConnectAsync(string data, Process server)
    {
        var file = Path.Combine(data, "server.json");
        while (!server.HasExited)
        {
            if (File.Exists(file))
            {
                using var document = JsonDocument.Parse(await File.ReadAllTextAsync(file));
                var http = new HttpClient { BaseAddress = new Uri(document.RootElement.GetProperty("url").GetString()!) };
                http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", document.RootElement.GetProperty("token").GetString());
                return http;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        throw new InvalidOperationException("The server ended before it was ready.");
    }

    private static async Task<string> RegisterAsync(HttpClient http, string clone)
    {
        var project = await PostAsync(http, "/v1/projects", new { name = "bench" });
        var repository = await PostAsync(http, $"/v1/projects/{Text(project, "id")}/repositories",
            new { vcs_provider = "git", clone_url = clone, default_branch = "main" });
        await PostAsync(http, $"/v1/repositories/{Text(repository, "id")}/sync", new { });
        var pipelines = await http.GetFromJsonAsync<JsonElement>($"/v1/repositories/{Text(repository, "id")}/pipelines");
        var items = pipelines.ValueKind == JsonValueKind.Array ? pipelines : pipelines.GetProperty("items");
        return Text(items.EnumerateArray().Single(p => Text(p, "trigger_type") == "manual"), "id");
    }

    private static async Task RunOnceAsync(HttpClient http, string pipeline)
    {
        var run = Text(await PostAsync(http, $"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" }), "id");
        string status;
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            status = Text(await http.GetFromJsonAsync<JsonElement>($"/v1/pipeline-runs/{run}"), "status");
        }
        while (status is "pending" or "running");

        if (status != "success")
        {
            throw new InvalidOperationException($"Run {run} ended {status}.");
        }
    }

    private static async Task<JsonElement> PostAsync(HttpClient http, string path, object body)
    {
        using var response = await http.PostAsJsonAsync(path, body);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static async Task ShellAsync(string script)
    {
        using var process = Process.Start("sh", ["-c", script]);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"'{script}' ended with {process.ExitCode}.");
        }
    }
}
