using System.Text.Json;
using Shipinator.Executors.Tests.Kubernetes;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>Whole pipelines through a real server and the Kubernetes executor; the pods' containers are real runner processes.</summary>
public sealed class KubernetesPipelineTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly Workbench _bench = new();
    private FakeCluster _cluster = null!;
    private Kubelet _kubelet = null!;
    private SiloProcess _silo = null!;
    private Api _api = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await FakeCluster.StartAsync();
        _kubelet = new(_cluster, Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../../Silo/bin", AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug", "net10.0/runner/Shipinator.Runner.dll")));
        _silo = await SiloProcess.StartAsync(_bench.Data, new Dictionary<string, string>
        {
            ["SHIPINATOR__Executor"] = "kubernetes",
            ["SHIPINATOR__Kubernetes__Namespace"] = "ci",
            ["SHIPINATOR__Kubernetes__RunnerImage"] = "runner:1",
            ["SHIPINATOR__Kubernetes__Kubeconfig"] = _cluster.Kubeconfig,
        }, "--port", "0");
        var (url, token) = SiloProcess.Connection(_bench.Data);
        _api = new(url, token);
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _silo.DisposeAsync();
        await _kubelet.DisposeAsync();
        await _cluster.DisposeAsync();
        _bench.Dispose();
    }

    [Fact]
    public async Task Pipeline_WithRetryParallelStepsAndArtifacts_RunsInOnePodPerJobAndLeavesNothing()
    {
        var run = await StartAsync("""
            image: any
            build:
              steps:
                - { name: make, run: "mkdir out; echo from-build > out/app", outputs: [ { type: binary, path: out/app } ] }
                - { name: again, retry: { max: 1, on: [failure] }, run: "test -e tried || { touch tried; exit 75; }" }
                - { name: left, parallel: true, run: "cat out/app" }
                - { name: right, parallel: true, run: "echo $CI_STEP_NAME" }
            test:
              steps:
                - { name: use, inputs: [ { type: binary, path: in } ], run: "find in -type f -exec cat {} +" }
            """);
        Assert.Equal("success", (await _api.WaitForEndAsync(run, Patience)).GetProperty("status").GetString());
        var steps = await _api.StepsAsync(run);
        Assert.Equal([1, 2, 1, 1, 1], steps.Select(s => s.GetProperty("executions").GetArrayLength()));
        Assert.Contains("from-build", await _api.TextAsync($"/v1/executions/{steps[^1].GetProperty("executions")[0].GetProperty("id").GetString()}/logs"), StringComparison.Ordinal);
        Assert.Equal(2, _kubelet.Workers.Count);
        await GoneAsync();
    }

    [Fact]
    public async Task Step_ThatFails_TellsItsExitCode()
    {
        var run = await StartAsync("image: any\nbuild:\n  steps:\n    - { name: no, run: \"exit 3\" }\n    - { name: never, run: \"true\" }\n");
        Assert.Equal("failed", (await _api.WaitForEndAsync(run, Patience)).GetProperty("status").GetString());
        var steps = await _api.StepsAsync(run);
        Assert.Equal((3, "exit_code"), (steps[0].GetProperty("exit_code").GetInt32(), steps[0].GetProperty("reason").GetString()));
        Assert.Equal("skipped", steps[1].GetProperty("status").GetString());
        await GoneAsync();
    }

    [Fact]
    public async Task Cancel_OfARunningStep_IsOverWhenTheClusterIsEmpty()
    {
        var run = await RunningAsync("image: any\nbuild:\n  steps:\n    - { name: long, run: \"sleep 600\" }\n");
        await _api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
        Assert.Equal("canceled", (await _api.WaitForEndAsync(run, Patience)).GetProperty("status").GetString());
        Assert.Equal((0, 0), (_cluster.Count("jobs"), _cluster.Count("pods")));
    }

    [Theory]
    [InlineData(true, "evicted")]
    [InlineData(false, "lost")]
    public async Task Pod_TakenAway_BeginsAgainInANewOneAndBothAttemptsAreTold(bool evict, string reason)
    {
        var run = await RunningAsync($"image: any\nbuild:\n  steps:\n    - {{ name: long, run: \"test ! -e {_bench.Data}/second || exit 0; touch {_bench.Data}/second; sleep 600\" }}\n");
        await _bench.WaitForFileAsync(Path.Combine(_bench.Data, "second"), Patience);
        await _kubelet.DeletePodAsync(_kubelet.Workers.Single(), evict);
        Assert.Equal("success", (await _api.WaitForEndAsync(run, Patience)).GetProperty("status").GetString());
        var steps = await _api.StepsAsync(run);
        Assert.Equal(2, steps.Count);
        Assert.Equal(reason, steps.Single(s => s.GetProperty("status").GetString() != "success").GetProperty("reason").GetString());
        Assert.Equal(2, _kubelet.Workers.Count);
        await GoneAsync();
    }

    private async Task<string> StartAsync(string file)
    {
        _bench.Commit(file);
        return await _api.TriggerAsync(await _api.RegisterAsync(_bench.Repository));
    }

    private async Task<string> RunningAsync(string file)
    {
        var run = await StartAsync(file);
        await UntilAsync(async () => (await _api.StepsAsync(run)).SelectMany(s => s.GetProperty("executions").EnumerateArray()).Any(e => e.GetProperty("status").GetString() == "running"));
        return run;
    }

    private Task GoneAsync() => UntilAsync(() => Task.FromResult(_cluster.Count("jobs") + _cluster.Count("pods") + _cluster.Count("secrets") == 0));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "It did not get there.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }
}
