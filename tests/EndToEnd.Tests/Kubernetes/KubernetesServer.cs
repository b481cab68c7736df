using System.Text.Json;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>A server with a fake cluster, shared by tests that run sequentially; each leaves the cluster empty.</summary>
[CollectionDefinition(Collection)]
public sealed class KubernetesServer : IAsyncLifetime, ICollectionFixture<KubernetesServer>
{
    /// <summary>The collection of the tests that share the server.</summary>
    public const string Collection = "kubernetes server";

    private KubernetesBench _bench = null!;
    private SiloProcess _silo = null!;
    private string? _pipeline;

    internal KubernetesBench Bench => _bench;

    internal Api Api { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _bench = await KubernetesBench.StartAsync();
        _bench.Settings["SHIPINATOR__Kubernetes__RequestTimeout"] = "00:00:02";
        _bench.Settings["SHIPINATOR__Kubernetes__PendingTimeout"] = "00:00:30";
        _bench.Settings["SHIPINATOR__Kubernetes__SweepPeriod"] = "00:00:01";
        _bench.Settings["SHIPINATOR__Kubernetes__MaxConcurrent"] = "3";
        _bench.Settings["SHIPINATOR__Kubernetes__CacheClaim"] = "caches";
        _bench.Claim("caches");
        _silo = await SiloProcess.StartAsync(_bench.Bench.Data, _bench.Settings, "--port", "0");
        var (url, token) = SiloProcess.Connection(_bench.Bench.Data);
        Api = new(url, token);
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await _silo.DisposeAsync();
        await _bench.DisposeAsync();
    }

    /// <summary>The console output of the server.</summary>
    public string Output => _silo.Output;

    /// <summary>Commits a pipeline file and starts a run of it.</summary>
    internal async Task<KubernetesRun> StartAsync(string file)
    {
        _bench.Bench.Commit(file);
        _pipeline ??= await Api.RegisterAsync(_bench.Bench.Repository);
        return new(await Api.TriggerAsync(_pipeline), Api, _bench);
    }

    /// <summary>Starts a run and waits until one of its steps is running.</summary>
    internal async Task<KubernetesRun> RunningAsync(string file)
    {
        var run = await StartAsync(file);
        await run.RunningAsync();
        return run;
    }
}

/// <summary>A run and its objects in the cluster.</summary>
internal sealed class KubernetesRun(string id, Api api, KubernetesBench bench)
{
    public string Id => id;

    public Task<List<JsonElement>> StepsAsync() => api.StepsAsync(id);

    public async Task<List<JsonElement>> ExecutionsAsync() =>
        [.. (await StepsAsync()).SelectMany(s => s.GetProperty("executions").EnumerateArray())];

    public Task<string> LogAsync(JsonElement execution) => api.TextAsync($"/v1/executions/{execution.GetProperty("id").GetString()}/logs");

    public Task RunningAsync() =>
        KubernetesBench.UntilAsync(
            async () => (await ExecutionsAsync()).Any(e => e.GetProperty("status").GetString() == "running"),
            "a running step"
        );

    public Task CancelAsync() => api.PostAsync($"/v1/pipeline-runs/{id}/cancel");

    /// <summary>Waits until a step or execution has this text in <c>waiting_for</c>.</summary>
    public Task WaitsForAsync(string text) =>
        KubernetesBench.UntilAsync(
            async () =>
                (await StepsAsync())
                    .Concat(await ExecutionsAsync())
                    .Any(s =>
                        s.TryGetProperty("waiting_for", out var why) && why.GetString()?.Contains(text, StringComparison.Ordinal) == true
                    ),
            $"'{text}' in waiting_for"
        );

    /// <summary>
    /// Waits for the end of the run, and asserts that the cluster created exactly one Job for each job attempt and is empty again.
    /// </summary>
    public async Task AssertEndAsync(string status)
    {
        var end = await api.WaitForEndAsync(id, KubernetesBench.Patience);
        Assert.True(end.GetProperty("status").GetString() == status, $"{end} {(await api.GetAsync($"/v1/pipeline-runs/{id}/jobs"))}");
        await bench.GoneAsync();
        var jobs = Api.Items(await api.GetAsync($"/v1/pipeline-runs/{id}/jobs"))
            .Where(j => j.GetProperty("status").GetString() != "skipped")
            .ToList();
        var attempts = jobs.SelectMany(j =>
            Enumerable
                .Range(1, j.GetProperty("attempt").GetInt32())
                .Select(a => $"ship-{Guid.Parse(j.GetProperty("id").GetString()!):N}-{a}")
        );
        Assert.Equal(
            attempts.Order(StringComparer.Ordinal),
            bench
                .CreatedJobs.Where(n =>
                    jobs.Any(j => n.Contains(Guid.Parse(j.GetProperty("id").GetString()!).ToString("N"), StringComparison.Ordinal))
                )
                .Order(StringComparer.Ordinal)
        );
    }
}
