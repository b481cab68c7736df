using Shipinator.Executors.Tests.Kubernetes;
using Shipinator.KubernetesBattery;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>
/// A pipeline in isolated containers, which see only what the manifest provides. The images contain busybox but no runner, which the script
/// of the manifest downloads from the server. <c>tests/e2e/rehearsal.sh</c> runs the whole battery this way.
/// </summary>
public sealed class KubernetesIsolatedTests
{
    [Fact]
    public async Task Pipeline_InIsolatedContainers_ReachesItsServiceAndSeesNothingElse()
    {
        var runner = Path.Combine(Layout.Root, "artifacts", "runner-static", "runner");
        Assert.SkipUnless(
            File.Exists(runner),
            "artifacts/runner-static/runner does not exist: run Runner/publish-static.sh first (test.sh does)."
        );
        Assert.SkipWhen(IsolatedContainers.WhyNot() is { } why, $"Containers can't be run on this machine: {IsolatedContainers.WhyNot()}.");
        await using var bench = await KubernetesBench.StartAsync(isolated: true);
        bench.Settings["SHIPINATOR__Kubernetes__RunnerImage"] = MachineImages.Tools;
        bench.Settings["SHIPINATOR__Kubernetes__RunAsNonRoot"] = "true";
        bench.Settings["SHIPINATOR__Kubernetes__RunAsUser"] = "1234";
        bench.Settings["SHIPINATOR__StaticRunnerPath"] = runner;
        await using var git = await GitServer.StartAsync(Path.Combine(bench.Bench.Root, "git"), new($"http://127.0.0.1:{FreePort()}"));
        var port = FreePort();
        await git.CreateAsync(
            "isolated",
            $$"""
            image: {{MachineImages.Busybox}}
            build:
              services:
                web:
                  image: {{MachineImages.Busybox}}
                  ready: { tcp: {{port}} }
                  command: [sh, -c, "mkdir /tmp/w; echo served-by-web > /tmp/w/it; exec httpd -f -p {{port}} -h /tmp/w"]
              steps:
                - name: ask
                  run: |
                    wget -q -O - http://web:{{port}}/it
                    test "$(id -u)" = 1234
                    test "$(ls /run/shipinator)" = token
                    ps | grep -q " /shipinator/bin/runner work"
                    test "$(ps | grep -c runner)" -le 3
                    env | grep KUBERNETES_ && exit 7
                    touch /usr/it || test ! -w /usr
            """
        );
        await using var silo = await SiloProcess.StartAsync(bench.Bench.Data, bench.Settings, "--port", "0");
        var (url, token) = SiloProcess.Connection(bench.Bench.Data);
        using var api = new Api(url, token);
        var run = new KubernetesRun(await api.TriggerAsync(await api.RegisterAsync(git.CloneUrl("isolated"))), api, bench);
        await run.AssertEndAsync("success");
        Assert.Contains("served-by-web", await run.LogAsync((await run.ExecutionsAsync())[0]), StringComparison.Ordinal);
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
