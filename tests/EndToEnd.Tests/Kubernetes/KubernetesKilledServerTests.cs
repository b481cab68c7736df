namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary><c>kill -9</c> of a silo during a request to the cluster, and again during a step: the other silo continues the run.</summary>
public sealed class KubernetesKilledServerTests
{
    [Fact]
    public async Task TwoSilos_KilledDuringSubmitAndDuringAStep_OtherContinuesAndNothingRunsTwice()
    {
        await using var bench = await KubernetesBench.StartAsync();
        var (requested, release) = (
            new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously),
            new TaskCompletionSource()
        );
        bench.Cluster.Before = request =>
        {
            if (request != "POST secrets")
            {
                return Task.CompletedTask;
            }

            requested.TrySetResult();
            return release.Task;
        };
        bench.Bench.Commit(
            $$"""
            image: any
            build:
              steps:
                - { name: a, run: "echo a >> {{bench.Bench.Mark("begun")}}" }
                - name: b
                  run: |
                    echo b >> {{bench.Bench.Mark("begun")}}
                    touch {{bench.Bench.Mark("b-began")}}
                    while [ ! -e {{bench.Bench.Mark("go-on")}} ]; do sleep 0.1; done
            test:
              steps:
                - { name: c, run: "echo c >> {{bench.Bench.Mark("begun")}}" }
            """
        );
        await using var silos = await ClusterOfTwo.StartAsync(bench.Bench.Data, bench.Settings);
        using var api = new Api(silos.Url, silos.Token);
        var run = new KubernetesRun(await api.TriggerAsync(await api.RegisterAsync(bench.Bench.Repository)), api, bench);

        // The Job exists, but its Secret does not: the pod waits for it until the other silo takes over.
        await requested.Task.WaitAsync(KubernetesBench.Patience);
        await silos.KillOwnerAsync(run.Id);
        release.SetResult();
        await bench.Bench.WaitForMarkAsync("b-began", KubernetesBench.Patience);

        await silos.RestartAsync();
        await silos.KillOwnerAsync(run.Id);
        bench.Bench.SetMark("go-on");
        await run.AssertEndAsync("success");
        Assert.Equal(["a", "b", "c"], bench.Bench.ReadMark("begun"));
        Assert.All(await run.StepsAsync(), s => Assert.Equal(1, s.GetProperty("executions").GetArrayLength()));
    }
}
