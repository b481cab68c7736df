using System.Text.Json.Nodes;
using Shipinator.Executors.Tests.Kubernetes;

namespace Shipinator.EndToEnd.Tests.Kubernetes;

/// <summary>A cluster whose pods really run as processes of this machine, and a folder with a repository for a server beside it.</summary>
internal sealed class KubernetesBench : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private readonly string _node = Directory.CreateTempSubdirectory("ship-node-").FullName;
    private LiveKubelet _kubelet = null!;

    private KubernetesBench() { }

    public Workbench Bench { get; } = new();

    public FakeCluster Cluster { get; private set; } = null!;

    /// <summary>What a server needs to know to run its Jobs there.</summary>
    public Dictionary<string, string> Settings { get; } =
        new(StringComparer.Ordinal)
        {
            ["SHIPINATOR__Executor"] = "kubernetes",
            ["SHIPINATOR__Kubernetes__Namespace"] = "ci",
            ["SHIPINATOR__Kubernetes__RunnerImage"] = "runner:1",
            ["SHIPINATOR__Kubernetes__TerminationGrace"] = "00:00:10",
        };

    /// <summary>Jobs that the cluster was ever asked to make, and made: by name, each as often as it was made.</summary>
    public IReadOnlyList<string> JobsMade
    {
        get
        {
            lock (_jobsMade)
            {
                return [.. _jobsMade];
            }
        }
    }

    private readonly List<string> _jobsMade = [];

    /// <summary>With containers as plain processes, for anybody; or in root folders of their own (<see cref="IsolatedContainers"/>).</summary>
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
                lock (bench._jobsMade)
                {
                    bench._jobsMade.Add(change.Key.Name);
                }
            }
        };
        return bench;
    }

    /// <summary>The only pod there is.</summary>
    public JsonObject Pod => Cluster.Store.List("pods", "ci").Single();

    /// <summary>As <c>kubectl delete pod</c>, or a node's drain.</summary>
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

    /// <summary>What is behind a claim.</summary>
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

    /// <summary>Nothing of ours is in the cluster any more.</summary>
    public Task GoneAsync() =>
        UntilAsync(
            () => Task.FromResult(Cluster.Count("jobs") + Cluster.Count("pods") + Cluster.Count("secrets") == 0),
            "an empty cluster"
        );

    /// <summary>Other processes are watched: there is no event to wait for.</summary>
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
