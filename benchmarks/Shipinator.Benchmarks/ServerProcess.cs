using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Shipinator.Benchmarks;

/// <summary>A real standalone server as a process, and its API.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, HttpClient http) => (_process, Http) = (process, http);

    public HttpClient Http { get; }

    /// <summary>Starts the Release build; the current folder must be the repository's root.</summary>
    public static async Task<ServerProcess> StartAsync(string data, IReadOnlyDictionary<string, string>? settings = null)
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [Path.GetFullPath("Silo/bin/Release/net10.0/Shipinator.Silo.dll"), "--data", data, "--port", "0"]
        )
        {
            RedirectStandardOutput = true,
        };
        foreach (var (key, value) in settings ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }

        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return new(process, await ConnectAsync(data, process));
    }

    /// <summary>Registers a repository and returns the id of its pipeline for manual runs.</summary>
    public async Task<string> RegisterAsync(string clone)
    {
        var project = await PostAsync("/v1/projects", new { name = "bench" });
        var repository = await PostAsync(
            $"/v1/projects/{Text(project, "id")}/repositories",
            new
            {
                vcs_provider = "git",
                clone_url = clone,
                default_branch = "main",
            }
        );
        await PostAsync($"/v1/repositories/{Text(repository, "id")}/sync", new { });
        var pipelines = await Http.GetFromJsonAsync<JsonElement>($"/v1/repositories/{Text(repository, "id")}/pipelines");
        var items = pipelines.ValueKind == JsonValueKind.Array ? pipelines : pipelines.GetProperty("items");
        return Text(items.EnumerateArray().Single(p => Text(p, "trigger_type") == "manual"), "id");
    }

    public async Task<JsonElement> PostAsync(string path, object body)
    {
        using var response = await Http.PostAsJsonAsync(path, body);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Starts a run of a branch and returns its id.</summary>
    public async Task<string> TriggerAsync(string pipeline, string branch) =>
        Text(await PostAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = branch }), "id");

    /// <summary>Waits until the run is terminal and returns its status.</summary>
    public async Task<string> EndAsync(string run)
    {
        while (true)
        {
            var status = Text(await Http.GetFromJsonAsync<JsonElement>($"/v1/pipeline-runs/{run}"), "status");
            if (status is not ("pending" or "running"))
            {
                return status;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }

    public static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    public static async Task ShellAsync(string script)
    {
        using var process = Process.Start("sh", ["-c", script]);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"'{script}' failed with exit code {process.ExitCode}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        await _process.WaitForExitAsync();
        _process.Dispose();
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
                http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
                    "Bearer",
                    document.RootElement.GetProperty("token").GetString()
                );
                return http;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        throw new InvalidOperationException("The server ended before it was ready.");
    }
}
