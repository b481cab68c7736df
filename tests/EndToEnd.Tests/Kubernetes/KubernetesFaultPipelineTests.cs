using System.Collections.Concurrent;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>
/// Pipelines with faults of the API server: every run ends with the right status, no step runs twice, the cluster creates one Job for each
/// job attempt, and is empty at the end.
/// </summary>
[Collection(KubernetesServer.Collection)]
public sealed class KubernetesFaultPipelineTests(KubernetesServer server)
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(8);

    [Fact]
    public async Task Create_ResponseIsLost_CreatesOneJobPerAttempt()
    {
        server.Bench.Cluster.LoseAnswers = 1;
        try
        {
            var run = await server.StartAsync(Pipeline("lost"));
            await run.AssertEndAsync("success");
            AssertOnce("lost");
        }
        finally
        {
            server.Bench.Cluster.LoseAnswers = 0;
        }
    }

    [Fact]
    public async Task Create_NeverResponds_CreatesOneJobPerAttempt()
    {
        server.Bench.Cluster.HoldAnswers = 3;
        var run = await server.StartAsync(Pipeline("held"));
        await run.AssertEndAsync("success");
        AssertOnce("held");
        Assert.Equal(0, server.Bench.Cluster.HoldAnswers);
    }

    [Fact]
    public async Task Throttling_ManyRequests_OnlyDelaysTheRun()
    {
        // Watches reconnect at the same time.
        server.Bench.Cluster.CutWatches();
        (server.Bench.Cluster.RetryAfter, server.Bench.Cluster.TooMany) = (1, 10);
        var run = await server.StartAsync(Pipeline("storm"));
        await run.WaitsForAsync("429");
        await run.AssertEndAsync("success");
        AssertOnce("storm");
        Assert.InRange(server.Bench.Cluster.TooMany, int.MinValue, 0);
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("torn")]
    [InlineData("expired")]
    [InlineData("finished")]
    public async Task Watches_Interrupted_MissNoEvent(string how)
    {
        var (mark, seen) = (server.Bench.Bench.Mark($"{how}-began"), server.Bench.Bench.Mark($"{how}-seen"));
        var run = await server.RunningAsync(
            $$"""
            image: any
            build:
              steps:
                - name: long
                  run: |
                    echo x >> {{mark}}
                    test $(wc -l < {{mark}}) -gt 1 && exit 0
                    trap 'while [ ! -e {{seen}} ]; do sleep 0.1; done; exit 1' TERM
                    sleep 600 & wait
            """
        );
        await server.Bench.Bench.WaitForMarkAsync($"{how}-began", KubernetesBench.Patience);
        var requests = new ConcurrentQueue<string>();
        server.Bench.Cluster.Before = request =>
        {
            requests.Enqueue(request);
            return Task.CompletedTask;
        };
        try
        {
            switch (how)
            {
                case "expired":
                    server.Bench.Cluster.Forget();
                    break;
                case "finished":
                    server.Bench.Cluster.FinishWatches();
                    break;
                default:
                    server.Bench.Cluster.CutWatches(torn: how == "torn");
                    break;
            }

            // Only the cluster reports this event. The pod stays until the server watches again, because a pod that is deleted
            // before the next list takes its reason with it.
            server.Bench.DeletePod(evict: true);
            await KubernetesBench.UntilAsync(
                () =>
                    Task.FromResult(
                        requests.SkipWhile(r => how == "expired" && r != "GET pods").Contains("GET pods watch", StringComparer.Ordinal)
                    ),
                "the next watch of pods"
            );
        }
        finally
        {
            server.Bench.Cluster.Before = null;
        }

        server.Bench.Bench.SetMark($"{how}-seen");
        await run.AssertEndAsync("success");
        Assert.Equal(
            ["evicted", null],
            (await run.StepsAsync())
                .Select(s => s.TryGetProperty("reason", out var reason) ? reason.GetString() : null)
                .OrderDescending(StringComparer.Ordinal)
        );
        Assert.Equal(2, server.Bench.Bench.ReadMark($"{how}-began").Length);
    }

    [Fact]
    public async Task ApiServer_Unavailable_DelaysSubmitsAndCleanup_ButNoRunningStep()
    {
        var bench = server.Bench.Bench;
        var running = await server.RunningAsync(
            $$"""
            image: any
            build:
              steps:
                - { name: a, run: "echo running-a >> {{bench.Mark("away")}}; while [ ! -e {{bench.Mark("go-on")}} ]; do sleep 0.1; done" }
                - { name: b, run: "echo running-b >> {{bench.Mark("away")}}" }
            """
        );
        await bench.WaitForMarkAsync("away", KubernetesBench.Patience);
        await server.Bench.Cluster.GoAwayAsync();
        var start = TimeProvider.System.GetTimestamp();
        var waiting = await server.StartAsync(Pipeline("waiting"));
        bench.SetMark("go-on");
        await server.Api.WaitForEndAsync(running.Id, KubernetesBench.Patience);
        await waiting.WaitsForAsync("does not respond");
        Assert.Equal(["running-a", "running-b"], bench.ReadMark("away"));
        await KubernetesBench.UntilAsync(
            () => Task.FromResult(TimeProvider.System.GetElapsedTime(start) > Outage),
            "the end of the outage"
        );
        Assert.NotEmpty(server.Bench.Cluster.Store.List("jobs", "ci"));
        await server.Bench.Cluster.ComeBackAsync();
        await running.AssertEndAsync("success");
        await waiting.AssertEndAsync("success");
        AssertOnce("waiting");
    }

    [Fact]
    public async Task Quota_Exceeded_IsReportedAndWaitedFor()
    {
        server.Bench.Quota("pods", "0");
        var run = await server.StartAsync(Pipeline("quota"));
        await run.WaitsForAsync("exceeded quota: few");
        server.Bench.Cluster.Remove("resourcequotas", "few");
        await run.AssertEndAsync("success");
        AssertOnce("quota");
    }

    /// <summary>A job with two steps and a job with one; each step leaves a line.</summary>
    private string Pipeline(string name) =>
        $$"""
            image: any
            build:
              steps:
                - { name: a, run: "echo a >> {{server.Bench.Bench.Mark(name)}}" }
                - { name: b, run: "echo b >> {{server.Bench.Bench.Mark(name)}}" }
            test:
              steps:
                - { name: c, run: "echo c >> {{server.Bench.Bench.Mark(name)}}" }
            """;

    private void AssertOnce(string name) => Assert.Equal(["a", "b", "c"], server.Bench.Bench.ReadMark(name));
}
