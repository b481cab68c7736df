namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>Pipelines with a real server and the Kubernetes executor; the containers of pods are real runner processes.</summary>
[Collection(KubernetesServer.Collection)]
public sealed class KubernetesPipelineTests(KubernetesServer server)
{
    [Fact]
    public async Task Pipeline_WithRetryParallelStepsAndArtifacts_UsesOnePodPerJobAndLeavesNothing()
    {
        var run = await server.StartAsync(
            """
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
            """
        );
        await run.AssertEndAsync("success");
        var steps = await run.StepsAsync();
        Assert.Equal([1, 2, 1, 1, 1], steps.Select(s => s.GetProperty("executions").GetArrayLength()));
        Assert.Contains("from-build", await run.LogAsync((await run.ExecutionsAsync())[^1]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Step_Fails_ReportsItsExitCode()
    {
        var run = await server.StartAsync(
            "image: any\nbuild:\n  steps:\n    - { name: no, run: \"exit 3\" }\n    - { name: never, run: \"true\" }\n"
        );
        await run.AssertEndAsync("failed");
        var steps = await run.StepsAsync();
        Assert.Equal((3, "exit_code"), (steps[0].GetProperty("exit_code").GetInt32(), steps[0].GetProperty("reason").GetString()));
        Assert.Equal("skipped", steps[1].GetProperty("status").GetString());
    }

    [Fact]
    public async Task Cancel_RunningStep_EndsWhenTheClusterIsEmpty()
    {
        var run = await server.RunningAsync("image: any\nbuild:\n  steps:\n    - { name: long, run: \"sleep 600\" }\n");
        await run.CancelAsync();
        await server.Api.WaitForRunAsync(
            run.Id,
            r => r.GetProperty("status").GetString() == "canceled",
            "the cancel",
            KubernetesBench.Patience
        );
        Assert.Equal((0, 0), (server.Bench.Cluster.Count("jobs"), server.Bench.Cluster.Count("pods")));
    }

    [Theory]
    [InlineData(true, "evicted")]
    [InlineData(false, "lost")]
    public async Task Pod_Deleted_JobIsRetriedInANewPod(bool evict, string reason)
    {
        var name = $"second-{evict}";
        var mark = server.Bench.Bench.Mark(name);
        var run = await server.RunningAsync(
            $$"""
            image: any
            build:
              steps:
                - { name: long, run: "echo try; test ! -e {{mark}} || exit 0; touch {{mark}}; sleep 600" }
            """
        );
        await server.Bench.Bench.WaitForMarkAsync(name, KubernetesBench.Patience);
        server.Bench.DeletePod(evict);
        await run.AssertEndAsync("success");
        var steps = await run.StepsAsync();
        Assert.Equal(2, steps.Count);
        Assert.Equal(reason, steps.Single(s => s.GetProperty("status").GetString() != "success").GetProperty("reason").GetString());
        foreach (var execution in await run.ExecutionsAsync())
        {
            Assert.Contains("try", await run.LogAsync(execution), StringComparison.Ordinal);
        }
    }
}
