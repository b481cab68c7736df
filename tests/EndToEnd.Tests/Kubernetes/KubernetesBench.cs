using System.Text.Json.Nodes;
using Shipinator.Executors.Tests.Kubernetes;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>A fake cluster whose pods run as processes of this machine, and a folder with a repository for a server.</summary>
internal sealed class KubernetesBench : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private readonly string _node = Directory.CreateTempSubdirectory("ship-node-").FullName;
    private LiveKubelet _kubelet = null!;

    private KubernetesBench() { }

    public Workbench Bench { get; } = new();

    public FakeCluster Cluster { get; private set; } = null!;

    /// <summary>The settings with which a server uses the cluster.</summary>
    public Dictionary<string, string> Settings { get; } =
        new(StringComparer.Ordinal)
        {
            ["SHIPINATOR__Executor"] = "kubernetes",
            ["SHIPINATOR__Kubernetes__Namespace"] = "ci",
            ["SHIPINATOR__Kubernetes__RunnerImage"] = "runner:1",
            ["SHIPINATOR__Kubernetes__TerminationGrace"] = "00:00:10",
        };

    /// <summary>The names of all Jobs that were created, one entry for each creation.</summary>
    public IReadOnlyList<string> CreatedJobs
    {
        get
        {
            lock (_createdJobs)
            {
                return [.. _createdJobs];
            }
        }
    }

    private readonly List<string> _createdJobs = [];

    /// <summary>
    /// Starts the cluster with containers as plain processes, or in their own root folders (<see cref="IsolatedContainers"/>).
    /// </summary>
    public static async Task<KubernetesBench> StartAsync(bool isolated = false)
    {
        var bench = new KubernetesBench();
        var programs = Directory.CreateDirectory(Path.Combine(bench._node, "programs")).FullName;
        var program = Path.Combine(programs, "shipinator-runner");
        await File.WriteAllTextAsync(
            program,
            $"#!/bin/sh\nexec dotnet {Path.Combine(Path.GetDirectoryName(Layout.Server)!, "runner", "Shipinator.Runner.dll")} \"$@\"\n"
        );
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        bench.Cluster = await FakeCluster.StartAsync(
            new WallTime(),
            LiveKubelet.Beginning(
                isolated ? new IsolatedContainers(Path.Combine(bench._node, "images"), (_, _) => false) : new HostContainers(programs),
                bench._node,
                k => bench._kubelet = k
            ),
            secure: true
        );
        bench.Settings["SHIPINATOR__Kubernetes__Kubeconfig"] = bench.Cluster.Kubeconfig;
        bench.Cluster.Store.Changed += change =>
        {
            if (change is { Type: "ADDED", Key.Kind: "jobs" })
            {
                lock (bench._createdJobs)
                {
                    bench._createdJobs.Add(change.Key.Name);
                }
            }
        };
        return bench;
    }

    /// <summary>The only pod.</summary>
    public JsonObject Pod => Cluster.Store.List("pods", "ci").Single();

    /// <summary>Deletes the pod like <c>kubectl delete pod</c>, or evicts it like draining a node.</summary>
    public void DeletePod(bool evict)
    {
        lock (Cluster.Store.Gate)
        {
            if (evict)
            {
                Cluster.Deleting.Evict("ci", Pod.Name());
            }
            else
            {
                Cluster.Deleting.DeletePod(Pod);
            }
        }
    }

    public void Quota(string resource, string hard) =>
        Cluster.Writing.Create(
            Kind.Of("resourcequotas"),
            "ci",
            new()
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ResourceQuota",
                ["metadata"] = new JsonObject { ["name"] = "few" },
                ["spec"] = new JsonObject { ["hard"] = new JsonObject { [resource] = hard } },
            }
        );

    /// <summary>The folder of a persistent volume claim.</summary>
    public string ClaimFolder(string name) => Path.Combine(_node, "claims", "ci", name);

    public void Claim(string name) =>
        Cluster.Writing.Create(
            Kind.Of("persistentvolumeclaims"),
            "ci",
            new()
            {
                ["apiVersion"] = "v1",
                ["kind"] = "PersistentVolumeClaim",
                ["metadata"] = new JsonObject { ["name"] = name },
                ["spec"] = new JsonObject { ["accessModes"] = new JsonArray("ReadWriteMany") },
            }
        );

    /// <summary>Waits until the cluster is empty.</summary>
    public Task GoneAsync() =>
        UntilAsync(
            () => Task.FromResult(Cluster.Count("jobs") + Cluster.Count("pods") + Cluster.Count("secrets") == 0),
            "an empty cluster"
        );

    /// <summary>Polls a condition of other processes, for which there are no events.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, $"Timed out waiting for {what}.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _kubelet.DisposeAsync();
        await Cluster.DisposeAsync();
        Bench.Dispose();
        Directory.Delete(_node, recursive: true);
    }
}
