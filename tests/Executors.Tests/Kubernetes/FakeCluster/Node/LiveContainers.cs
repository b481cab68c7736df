using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The containers of one pod on a node: their images, their starts and ends, their probes, how they are stopped.</summary>
internal sealed class LiveContainers(World world, IContainers runtime, PodLife life, PodVolumes volumes, Action publish)
{
    private const int LongestMessage = 2048;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LeastGrace = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<ContainerLife, (IContainer Container, Task Told)> _running = [];

    /// <summary>No container is started any more, including sidecars.</summary>
    private volatile bool _ending;

    /// <summary>Starts a container once its image and Secrets exist. A container that can't be started has ended.</summary>
    public async Task StartAsync(ContainerLife container, CancellationToken stop)
    {
        await PullAsync(container, stop);
        while (MissingSecret(container) is { } missing)
        {
            container.Wait("CreateContainerConfigError", $"secret \"{missing}\" not found");
            publish();
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, stop);
        }

        stop.ThrowIfCancellationRequested();
        Start(container);
    }

    public async Task EndedAsync(ContainerLife container, CancellationToken stop)
    {
        if (_running.TryGetValue(container, out var running))
        {
            await running.Told.WaitAsync(stop);
        }
    }

    /// <summary>
    /// Returns when a sidecar's startup probe has succeeded; a sidecar that ends or is never ready is restarted with growing back-off.
    /// </summary>
    public async Task StartedAsync(ContainerLife sidecar, CancellationToken stop)
    {
        var started = new TaskCompletionSource();
        _ = SuperviseAsync(sidecar, started, stop);
        await started.Task.WaitAsync(stop);
    }

    /// <summary>Stops sidecars in reverse order, each with SIGTERM and a grace period.</summary>
    public async Task StopSidecarsAsync(Func<DateTimeOffset> killAt)
    {
        _ending = true;
        var grace = TimeSpan.FromSeconds(life.Pod.Number("spec", "terminationGracePeriodSeconds") ?? 30);
        foreach (var sidecar in life.First.Where(c => c.IsSidecar).Reverse())
        {
            if (_running.TryGetValue(sidecar, out var running))
            {
                // Each gets the minimal grace period, however late: a kubelet never sends SIGKILL together with SIGTERM.
                var (own, least) = (world.Now + grace, world.Now + LeastGrace);
                await StopAsync([running], () => new[] { new[] { killAt(), own }.Min(), least }.Max());
            }
        }
    }

    /// <summary>Stops all containers, sidecars last.</summary>
    public async Task StopAsync(Func<DateTimeOffset> killAt)
    {
        _ending = true;
        await StopAsync([.. _running.Where(r => !r.Key.IsSidecar).Select(r => r.Value)], killAt);
        await StopSidecarsAsync(killAt);
    }

    private async Task StopAsync(IReadOnlyList<(IContainer Container, Task Told)> all, Func<DateTimeOffset> killAt)
    {
        all.ToList().ForEach(r => r.Container.Signal("TERM"));
        var ended = Task.WhenAll(all.Select(r => r.Told));
        while (!ended.IsCompleted && world.Now < killAt())
        {
            await Task.WhenAny(ended, Task.Delay(Look, TimeProvider.System));
        }

        if (!ended.IsCompleted)
        {
            all.ToList().ForEach(r => r.Container.Signal("KILL"));
        }

        await ended;
    }

    private async Task PullAsync(ContainerLife container, CancellationToken stop)
    {
        for (
            var pause = TimeSpan.FromSeconds(10);
            runtime.Refuse(container.Image, life.Pod) is { } words;
            pause = pause < TimeSpan.FromMinutes(3) ? pause * 2 : pause
        )
        {
            if (words.StartsWith("InvalidImageName", StringComparison.Ordinal))
            {
                container.Wait("InvalidImageName", words["InvalidImageName ".Length..]);
                Publish("Warning", "InspectFailed", words);
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
            }

            container.Wait("ErrImagePull", words);
            Publish("Warning", "Failed", $"Failed to pull image \"{container.Image}\": {words}");
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, stop);
            container.Wait("ImagePullBackOff", $"Back-off pulling image \"{container.Image}\": ErrImagePull: {words}");
            Publish("Normal", "BackOff", $"Back-off pulling image \"{container.Image}\"");
            await Task.Delay(pause, TimeProvider.System, stop);
        }

        void Publish(string type, string reason, string message)
        {
            world.Say(life.Pod, "kubelet", type, reason, message, container.Path);
            publish();
        }
    }

    private void Start(ContainerLife container)
    {
        container.StartedAt = world.Now;
        var (ns, pod, name) = (life.Key.Namespace, life.Key.Name, container.Name);
        var said = new StringBuilder();
        void Write(string text)
        {
            lock (said)
            {
                said.Append(text);
            }

            world.Logs.Write(ns, pod, name, text);
        }

        try
        {
            var started = runtime.Start(
                new(life.Pod, container.Spec, volumes.OwnFolder(name), Variables(container), volumes.MountsOf(container.Spec), Write)
            );
            container.Run();
            _running[container] = (started, TellAsync(container, started, said));
            world.Say(life.Pod, "kubelet", "Normal", "Started", "Container started", container.Path);
        }
        catch (StartRefusedException e)
        {
            container.End(128, "StartError", world.Now, e.Message);
            world.Say(life.Pod, "kubelet", "Warning", "Failed", $"Error: {e.Message}", container.Path);
        }

        publish();
    }

    private async Task TellAsync(ContainerLife container, IContainer started, StringBuilder said)
    {
        var end = await started.End;
        _running.TryRemove(container, out _);
        var message = volumes.MessageOf(container.Spec);
        if (message is null && end.Code != 0 && container.Spec.Text("terminationMessagePolicy") == "FallbackToLogsOnError")
        {
            lock (said)
            {
                message = said.ToString(Math.Max(0, said.Length - LongestMessage), Math.Min(said.Length, LongestMessage));
            }
        }

        container.End(
            end.Code,
            end.OutOfMemory ? "OOMKilled"
                : end.Code == 0 ? "Completed"
                : "Error",
            world.Now,
            message
        );
        publish();
    }

    private async Task SuperviseAsync(ContainerLife sidecar, TaskCompletionSource started, CancellationToken stop)
    {
        try
        {
            for (var pause = TimeSpan.FromSeconds(10); !_ending; pause = pause < TimeSpan.FromMinutes(5) ? pause * 2 : pause)
            {
                if (_running.TryGetValue(sidecar, out var running))
                {
                    if (sidecar.Probe is null || await PassesAsync(sidecar, running.Told, stop))
                    {
                        sidecar.HasPassed = true;
                        publish();
                        started.TrySetResult();
                    }
                    else
                    {
                        var killAt = world.Now + LeastGrace;
                        await StopAsync([running], () => killAt);
                    }

                    await running.Told.WaitAsync(stop);
                }

                if (_ending)
                {
                    return;
                }

                sidecar.WaitForRestart(pause, life.Key.Name);
                publish();
                await Task.Delay(pause, TimeProvider.System, stop);
                Start(sidecar);
            }
        }
        catch (OperationCanceledException)
        {
            // The pod is ending.
        }
    }

    private static async Task<bool> PassesAsync(ContainerLife sidecar, Task ended, CancellationToken stop)
    {
        var (period, most, port) = sidecar.Probe!.Value;
        for (var failures = 0; failures < most && !ended.IsCompleted; failures++)
        {
            using var connection = new TcpClient();
            try
            {
                await connection.ConnectAsync("127.0.0.1", port, stop);
                return true;
            }
            catch (SocketException)
            {
                await Task.WhenAny(ended, Task.Delay(period, TimeProvider.System, stop));
                stop.ThrowIfCancellationRequested();
            }
        }

        return false;
    }

    private Dictionary<string, string> Variables(ContainerLife container)
    {
        // The API server's variables, which every container gets, whatever the manifest says about service links.
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["HOSTNAME"] = life.Key.Name,
            ["KUBERNETES_SERVICE_HOST"] = "10.96.0.1",
            ["KUBERNETES_SERVICE_PORT"] = "443",
            ["KUBERNETES_PORT"] = "tcp://10.96.0.1:443",
        };
        foreach (var secret in container.Spec.Items("envFrom").Select(e => e.Text("secretRef", "name")).OfType<string>())
        {
            foreach (var (key, value) in Secret(secret)?["data"] as JsonObject ?? [])
            {
                all[key] = Encoding.UTF8.GetString(Convert.FromBase64String((string)value!));
            }
        }

        foreach (var variable in container.Spec.Items("env"))
        {
            all[variable.Text("name")!] = Expansion.Expand(variable.Text("value") ?? "", all);
        }

        return all;
    }

    private string? MissingSecret(ContainerLife container) =>
        container.Spec.Items("envFrom").Select(e => e.Text("secretRef", "name")).OfType<string>().FirstOrDefault(s => Secret(s) is null);

    private JsonObject? Secret(string name) => world.Store.Find(new("secrets", life.Key.Namespace, name));
}
