namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>Canceled runs have no objects in the cluster.</summary>
[Collection(KubernetesServer.Collection)]
public sealed class KubernetesCancelPipelineTests(KubernetesServer server)
{
    [Fact]
    public async Task Cancel_QueuedExecution_CreatesNoJob()
    {
        const string sleepers = """
            image: any
            build:
              steps:
                - { name: a, parallel: true, run: "sleep 600" }
                - { name: b, parallel: true, run: "sleep 600" }
                - { name: c, parallel: true, run: "sleep 600" }
            """;
        var first = await server.RunningAsync(sleepers);
        var second = await server.StartAsync("image: any\nbuild:\n  steps:\n    - { name: late, run: \"true\" }\n");
        await second.WaitsForAsync("Waiting for a slot on executor \"kubernetes\"");
        var jobs = server.Bench.CreatedJobs.Count;
        await second.CancelAsync();
        await AssertCanceledAsync(second, empty: false);
        await first.CancelAsync();
        await AssertCanceledAsync(first);
        Assert.Equal(jobs, server.Bench.CreatedJobs.Count);
    }

    [Theory]
    [InlineData("resources: { cpu: 9000 }, run: \"true\"", "Insufficient cpu")]
    [InlineData("image: none-1, run: \"true\"", "none-1")]
    public async Task Cancel_WaitingPod_EndsWhenTheClusterIsEmpty(string step, string waits)
    {
        var run = await server.StartAsync($"image: any\nbuild:\n  steps:\n    - {{ name: a, {step} }}\n");
        await run.WaitsForAsync(waits);
        await run.CancelAsync();
        await AssertCanceledAsync(run);
    }

    [Fact]
    public async Task Cancel_RunningStep_IsTerminatedAndNeverASuccess()
    {
        var mark = server.Bench.Bench.Mark("terminated");
        var run = await server.RunningAsync(
            $$"""
            image: any
            build:
              steps:
                - name: a
                  run: |
                    trap 'echo terminated >> {{mark}}; exit 0' TERM
                    echo began >> {{mark}}
                    sleep 600 & wait
            """
        );
        await server.Bench.Bench.WaitForMarkAsync("terminated", KubernetesBench.Patience);
        await run.CancelAsync();
        await AssertCanceledAsync(run);
        Assert.Equal(["began", "terminated"], server.Bench.Bench.ReadMark("terminated"));
    }

    /// <summary>The outcome of the create is unknown while the API server does not respond; afterwards nothing is left.</summary>
    [Fact]
    public async Task Cancel_CreateResponseIsLost_LeavesNothing()
    {
        server.Bench.Cluster.HoldAnswers = 1;
        var run = await server.StartAsync("image: any\nbuild:\n  steps:\n    - { name: a, run: \"sleep 600\" }\n");
        await KubernetesBench.UntilAsync(() => Task.FromResult(server.Bench.Cluster.HoldAnswers == 0), "the create");
        await run.CancelAsync();
        await AssertCanceledAsync(run);
    }

    private async Task AssertCanceledAsync(KubernetesRun run, bool empty = true)
    {
        var end = await server.Api.WaitForEndAsync(run.Id, KubernetesBench.Patience);
        Assert.Equal("canceled", end.GetProperty("status").GetString());
        Assert.True(!empty || server.Bench.Cluster.Count("jobs") + server.Bench.Cluster.Count("pods") == 0);
    }
}
