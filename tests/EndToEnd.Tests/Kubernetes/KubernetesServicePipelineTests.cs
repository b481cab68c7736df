using System.Net;
using System.Net.Sockets;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>Services and caches of pipelines, in pods that run as processes.</summary>
[Collection(KubernetesServer.Collection)]
public sealed class KubernetesServicePipelineTests(KubernetesServer server)
{
    [Fact]
    public async Task Services_StartBeforeTheSteps_AndStopInReverseOrder()
    {
        var mark = server.Bench.Bench.Mark("services");
        var (first, second) = (FreePort(), FreePort());
        var run = await server.StartAsync(
            $$"""
            image: any
            build:
              services:
                a:
                  image: any
                  env: { PRICE: "5$$ or $(HOSTNAME)" }
                  ready: { tcp: {{first}}, timeout: 30s }
                  command: [sh, -c, "{{Service("a", first)}}"]
                b: { image: any, ready: { tcp: {{second}}, timeout: 30s }, command: [sh, -c, "{{Service("b", second)}}"] }
              steps:
                - { name: one, run: "echo one >> {{mark}}; busybox wget -q -O - http://127.0.0.1:{{first}}/served" }
                - { name: two, run: "echo two >> {{mark}}" }
            """
        );
        await run.AssertEndAsync("success");
        // Kubernetes must not expand variables in values of the file.
        Assert.Contains(
            "served-by-a for 5$$ or $(HOSTNAME)",
            await run.LogAsync((await run.ExecutionsAsync())[0]),
            StringComparison.Ordinal
        );
        Assert.Equal(
            ["a begins", "a listens", "b begins", "b listens", "one", "two", "b stopped", "a stopped"],
            server.Bench.Bench.ReadMark("services")
        );

        string Service(string name, int port) =>
            $"echo {name} begins >> {mark}; trap 'echo {name} stopped >> {mark}; exit 0' TERM; sleep 0.5; "
            + $"mkdir -p w-{name}; echo served-by-{name} for $PRICE > w-{name}/served; echo {name} listens >> {mark}; "
            + $"busybox httpd -f -p {port} -h w-{name} & wait";
    }

    [Fact]
    public async Task Service_NeverReady_FailsTheJobAndLeavesNothing()
    {
        var run = await server.StartAsync(
            $$"""
            image: any
            build:
              services:
                db: { image: any, ready: { tcp: {{FreePort()}}, timeout: 2s }, command: [sh, -c, "exec sleep 600"] }
              steps:
                - { name: one, retry: { max: 1, on: [timeout] }, run: "true" }
            """
        );
        await run.WaitsForAsync("Waiting for service db to become ready");
        await run.AssertEndAsync("failed");
        var step = (await run.StepsAsync())[0];
        Assert.Equal("executor_error", step.GetProperty("reason").GetString());
        Assert.Contains("Service db was not ready within 2 s", step.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cache_IsKeptBetweenRuns_AndACorruptedOneIsAMiss()
    {
        const string file = """
            image: any
            build:
              steps:
                - name: fill
                  cache: { key: [.shipinator.yaml], paths: [kept] }
                  run: if [ -e kept/it ]; then cat kept/it; else mkdir kept; echo kept-before > kept/it; echo created; fi
            """;
        Assert.Contains("created", await LogAsync(), StringComparison.Ordinal);
        Assert.Contains("kept-before", await LogAsync(), StringComparison.Ordinal);
        var archive = Assert.Single(Directory.GetFiles(server.Bench.ClaimFolder("caches"), "*.tar.gz", SearchOption.AllDirectories));
        await File.WriteAllTextAsync(archive, "no archive");
        Assert.Contains("created", await LogAsync(), StringComparison.Ordinal);

        async Task<string> LogAsync()
        {
            var run = await server.StartAsync(file);
            await run.AssertEndAsync("success");
            return await run.LogAsync((await run.ExecutionsAsync())[0]);
        }
    }

    /// <summary>
    /// Below the range from which the kernel takes ports for outgoing connections: none of them, of whatever process of this machine, can
    /// take the port before the service listens on it.
    /// </summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Any, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: another one.
            }
        }
    }
}
