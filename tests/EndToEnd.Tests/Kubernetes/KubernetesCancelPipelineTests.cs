namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>Runs that are canceled: canceled means that nothing of them is in the cluster any more.</summary>
[Collection(KubernetesServer.Collection)]
public sealed class KubernetesCancelPipelineTests(KubernetesServer server)
{
    [Fact]
    public async Task Cancel_OfWorkThatHasNoPlaceYet_MakesNoJob()
    {
        const string sleepers =
            "image: any\nbuild:\n  steps:\n    - { name: a, parallel: true, run: \"sleep 600\" }\n    - { name: b, parallel: true, run: \"sleep 600\" }\n    - { name: c, parallel: true, run: \"sleep 600\" }\n";
        var first = await server.RunningAsync(sleepers);
        var second = await server.StartAsync("image: any\nbuild:\n  steps:\n    - { name: late, run: \"true\" }\n");
        await second.WaitsForAsync("Waiting for a slot on executor \"kubernetes\"");
        var jobs = server.Bench.JobsMade.Count;
        await second.CancelAsync();
        await AssertCanceledAsync(second, empty: false);
        await first.CancelAsync();
        await AssertCanceledAsync(first);
        Assert.Equal(jobs, server.Bench.JobsMade.Count);
    }

    [Theory]
    [InlineData("resources: { cpu: 9000 }, run: \"true\"", "Insufficient cpu")]
    [InlineData("image: none-1, run: \"true\"", "none-1")]
    public async Task Cancel_OfWorkThatWaits_IsOverWhenTheClusterIsEmpty(string step, string waits)
    {
        var run = await server.StartAsync($"image: any\nbuild:\n  steps:\n    - {{ name: a, {step} }}\n");
        await run.WaitsForAsync(waits);
        await run.CancelAsync();
        await AssertCanceledAsync(run);
    }

    [Fact]
    public async Task Cancel_OfWorkThatRuns_IsToldFirstAndIsNoSuccessEvenWhenItEndsWell()
    {
        var mark = server.Bench.Bench.Mark("told");
        var run = await server.RunningAsync(
            $$"""
            image: any
            build:
              steps:
                - name: a
                  run: |
                    trap 'echo told >> {{mark}}; exit 0' TERM
                    echo began >> {{mark}}
                    sleep 600 & wait
            """
        );
        await server.Bench.Bench.WaitForMarkAsync("told", KubernetesBench.Patience);
        await run.CancelAsync();
        await AssertCanceledAsync(run);
        Assert.Equal(["began", "told"], server.Bench.Bench.ReadMark("told"));
    }

    /// <summary>Whether it was made is not known as long as the API server is away; and once it is back, nothing is left.</summary>
    [Fact]
    public async Task Cancel_WhileTheAnswerToItsCreateIsLost_LeavesNothing()
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
