using System.Collections.Concurrent;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The kubelet of a node whose pods really run; for a cluster in <see cref="WallTime"/>.</summary>
internal sealed class LiveKubelet : IAsyncDisposable
{
    private readonly World _world;
    private readonly IContainers _containers;
    private readonly string _folder;
    private readonly ConcurrentDictionary<string, LivePod> _pods = new(StringComparer.Ordinal);

    private LiveKubelet(World world, IContainers containers, string folder)
    {
        (_world, _containers, _folder) = (world, containers, folder);
        world.Store.Changed += See;
    }

    /// <summary>The names of all pods that ever came to this node.</summary>
    public IReadOnlyCollection<string> Pods => [.. _pods.Values.Select(p => p.Name)];

    /// <summary>For <see cref="FakeCluster.StartAsync"/>; <c>made</c> is called before that returns.</summary>
    public static Action<World> Beginning(IContainers containers, string folder, Action<LiveKubelet> made) =>
        world => made(new(world, containers, folder));

    public async ValueTask DisposeAsync()
    {
        _world.Store.Changed -= See;
        foreach (var pod in _pods.Values)
        {
            pod.Abandon();
        }

        await Task.WhenAll(_pods.Values.Select(p => p.Work));
        foreach (var pod in _pods.Values)
        {
            pod.Dispose();
        }
    }

    private void See(Change change)
    {
        if (change.Key.Kind != "pods" || change.Object.Text("spec", "nodeName") is null)
        {
            return;
        }

        var uid = change.Object.Text("metadata", "uid")!;
        if (change.Type == "DELETED")
        {
            // Force-deleted without its kubelet: its containers must not keep running.
            if (_pods.TryGetValue(uid, out var lost))
            {
                lost.Abandon();
            }
        }
        else if (!_pods.TryGetValue(uid, out var pod))
        {
            pod = _pods[uid] = new(
                _world,
                _containers,
                change.Object.Copy(),
                Path.Combine(_folder, "pods", uid),
                Path.Combine(_folder, "claims")
            );
            pod.Work = Task.Run(pod.RunAsync);
        }
        else if (change.Object.IsDeleting())
        {
            pod.Stop(change.Object.Number("metadata", "deletionGracePeriodSeconds") ?? 0);
        }
    }
}
