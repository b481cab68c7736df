using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Shipinator.Executors.Tests.Kubernetes;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>
/// Controller, scheduler and kubelet of the fake cluster: the containers of a Job's pod really run, as processes of this machine;
/// what they would see at <c>/shipinator</c> and <c>/run/shipinator</c> is a folder of their own.
/// </summary>
internal sealed class Kubelet : IAsyncDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);
    private readonly FakeCluster _cluster;
    private readonly string _root = Directory.CreateTempSubdirectory("ship-kubelet-").FullName;
    private readonly ConcurrentDictionary<string, Pod> _pods = new(StringComparer.Ordinal);

    public Kubelet(FakeCluster cluster, string runner)
    {
        _cluster = cluster;
        var image = Directory.CreateDirectory(Path.Combine(_root, "image")).FullName;
        var program = Path.Combine(image, "shipinator-runner");
        File.WriteAllText(program, $"#!/bin/sh\nexec dotnet {runner} \"$@\"\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        cluster.JobMade += job => Start(job);
        cluster.JobDeleting += name => _ = EndAsync(name, andTheJob: true);
    }

    /// <summary>Every worker that ever had a pod.</summary>
    public IReadOnlyCollection<string> Workers => [.. _pods.Keys];

    /// <summary>As <c>kubectl delete pod</c>, or the node's drain with <paramref name="evict"/>.</summary>
    public Task DeletePodAsync(string worker, bool evict)
    {
        var pod = _pods[worker];
        lock (pod)
        {
            pod.Disruption = evict ? """{ "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting" }""" : null;
            pod.Deleting = !evict;
            Show(pod);
        }

        return EndAsync(worker, andTheJob: false);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var name in _pods.Keys)
        {
            await EndAsync(name, andTheJob: false);
        }

        Directory.Delete(_root, recursive: true);
    }

    private void Start(JsonObject job)
    {
        var name = (string)job["metadata"]!["name"]!;
        var pod = new Pod(name, job["spec"]!["template"]!["spec"]!.AsObject(), Path.Combine(_root, name));
        _pods[name] = pod;
        pod.Work = Task.Run(() => RunAsync(pod));
    }

    private async Task RunAsync(Pod pod)
    {
        Show(pod);
        while (_cluster.Get("secrets", pod.Name) is null && !pod.Stopping)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }

        foreach (var folder in new[] { "shipinator/bin", "shipinator/job", "run/shipinator" })
        {
            Directory.CreateDirectory(Path.Combine(pod.Root, folder));
        }

        foreach (var container in pod.Spec["initContainers"]!.AsArray())
        {
            if (pod.Stopping || await ContainerAsync(pod, container!.AsObject(), pod.Init) != 0)
            {
                pod.Phase = "Failed";
                Show(pod);
                return;
            }
        }

        pod.Phase = "Running";
        var codes = await Task.WhenAll(pod.Spec["containers"]!.AsArray().Select(c => ContainerAsync(pod, c!.AsObject(), pod.Containers)));
        pod.Phase = codes.All(c => c == 0) ? "Succeeded" : "Failed";
        Show(pod);
    }

    private async Task<int> ContainerAsync(Pod pod, JsonObject container, Dictionary<string, JsonObject> states)
    {
        var name = (string)container["name"]!;
        var secret = _cluster.Get("secrets", pod.Name)!["data"]!;
        var own = Path.Combine(pod.Root, "own", name);
        foreach (var mount in container["volumeMounts"]!.AsArray().Where(m => (string?)m!["name"] == "secret"))
        {
            var file = own + (string)mount!["mountPath"]!;
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllBytesAsync(file, Convert.FromBase64String((string)secret[(string)mount["subPath"]!]!));
        }

        string Map(string text) => text.StartsWith("/run/shipinator", StringComparison.Ordinal) ? own + text : text.StartsWith("/shipinator/", StringComparison.Ordinal) ? pod.Root + text : text;
        var command = container["command"]!.AsArray().Select(a => (string)a!).ToList();
        var start = new ProcessStartInfo(Map(command[0])) { WorkingDirectory = pod.Root };
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment.Clear();
        foreach (var known in new[] { "HOME", "DOTNET_ROOT", "LANG" })
        {
            if (Environment.GetEnvironmentVariable(known) is { } value)
            {
                start.Environment[known] = value;
            }
        }

        start.Environment["PATH"] = $"{_root}/image:{Environment.GetEnvironmentVariable("PATH")}";
        foreach (var variable in container["env"]!.AsArray())
        {
            var value = (string)variable!["value"]!;
            start.Environment[(string)variable["name"]!] = value.StartsWith('/') ? Map(value) : value;
        }

        using var process = Process.Start(start)!;
        lock (pod)
        {
            pod.Processes.Add(process.Id);
            states[name] = JsonNode.Parse("""{ "running": {} }""")!.AsObject();
            Show(pod);
        }

        await process.WaitForExitAsync();
        lock (pod)
        {
            pod.Processes.Remove(process.Id);
            states[name] = JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$"""{ "terminated": { "exitCode": {{process.ExitCode}}, "reason": "{{(process.ExitCode == 0 ? "Completed" : "Error")}}" } }"""))!.AsObject();
            Show(pod);
        }

        return process.ExitCode;
    }

    private async Task EndAsync(string name, bool andTheJob)
    {
        if (_pods.TryGetValue(name, out var pod))
        {
            pod.Stopping = true;
            Signal(pod, "-TERM");
            if (await Task.WhenAny(pod.Work, Task.Delay(Grace, TimeProvider.System)) != pod.Work)
            {
                Signal(pod, "-KILL");
            }

            await pod.Work;
            lock (pod)
            {
                pod.Gone = true;
                _cluster.Remove("pods", $"{name}-x");
            }
        }

        if (andTheJob)
        {
            _cluster.Remove("secrets", name);
            _cluster.Remove("jobs", name);
        }
    }

    private static void Signal(Pod pod, string signal)
    {
        int[] processes;
        lock (pod)
        {
            processes = [.. pod.Processes];
        }

        foreach (var id in processes)
        {
            using var kill = Process.Start("kill", [signal, id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
        }
    }

    private void Show(Pod pod)
    {
        lock (pod)
        {
            if (pod.Gone || _cluster.Get("jobs", pod.Name) is null)
            {
                return;
            }

            var conditions = """{ "type": "PodScheduled", "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z" }""" + (pod.Disruption is null ? "" : $", {pod.Disruption}");
            _cluster.PutPod(
                pod.Name,
                $$"""{ "phase": "{{pod.Phase}}", "conditions": [ {{conditions}} ], "initContainerStatuses": [ {{States(pod.Init)}} ], "containerStatuses": [ {{States(pod.Containers)}} ] }""",
                pod.Deleting);
        }
    }

    private static string States(Dictionary<string, JsonObject> states) =>
        string.Join(", ", states.Select(s => $$"""{ "name": "{{s.Key}}", "image": "i", "state": {{s.Value.ToJsonString()}} }"""));

    private sealed class Pod(string name, JsonObject spec, string root)
    {
        public string Name => name;

        public JsonObject Spec => spec;

        public string Root => root;

        public string Phase { get; set; } = "Pending";

        public volatile bool Stopping;

        public bool Deleting { get; set; }

        public bool Gone { get; set; }

        public string? Disruption { get; set; }

        public Dictionary<string, JsonObject> Init { get; } = [];

        public Dictionary<string, JsonObject> Containers { get; } = [];

        public HashSet<int> Processes { get; } = [];

        public Task Work { get; set; } = Task.CompletedTask;
    }
}
