using System.Text.Json.Nodes;
using k8s.Models;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Schedules pods to the only node, which has four CPUs.</summary>
internal sealed class Scheduler
{
    private const string Node = "vm";
    private const int Available = 4;
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);
    private static readonly Dictionary<string, string> Labels = new(StringComparer.Ordinal)
    {
        ["kubernetes.io/os"] = "linux",
        ["kubernetes.io/arch"] = "amd64",
        ["kubernetes.io/hostname"] = Node,
    };
    private readonly World _world;

    private Scheduler(World world) => _world = world;

    public static void Start(World world) => world.Store.Changed += new Scheduler(world).See;

    private void See(Change change)
    {
        if (change is { Type: "ADDED", Key.Kind: "pods" })
        {
            _world.After(5, () => Schedule(change.Key));
        }
    }

    private void Schedule(ObjectKey key)
    {
        if (_world.Store.Find(key) is not { } pod || pod.IsDeleting())
        {
            return;
        }

        // Init containers run one after the other, the others concurrently.
        var wanted = Math.Max(
            pod.Items("spec", "initContainers").Select(Processors).DefaultIfEmpty().Max(),
            pod.Items("spec", "containers").Sum(Processors)
        );
        var claim = pod.Items("spec", "volumes")
            .Select(v => v.Text("persistentVolumeClaim", "claimName"))
            .OfType<string>()
            .FirstOrDefault(c => _world.Store.Find(new("persistentvolumeclaims", key.Namespace, c)) is null);
        var place = pod.At("spec", "nodeSelector") as JsonObject ?? [];
        var words =
            claim is not null ? $"0/1 nodes are available: persistentvolumeclaim \"{claim}\" not found. not found"
            : place.Any(l => Labels.GetValueOrDefault(l.Key) != (string?)l.Value)
                ? "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, "
                    + "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
            : wanted > Available
                ? "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are "
                    + "available: 1 Preemption is not helpful for scheduling."
            : null;
        var condition = new JsonObject
        {
            ["type"] = "PodScheduled",
            ["status"] = words is null ? "True" : "False",
            ["lastProbeTime"] = null,
            ["lastTransitionTime"] = Json.Time(_world.Now),
        };
        var known = pod.Items("status", "conditions").FirstOrDefault(c => c.Text("type") == "PodScheduled");
        if (words is not null)
        {
            (condition["reason"], condition["message"]) = ("Unschedulable", words);
            // Again when something may have changed.
            _world.After(Retry, () => Schedule(key));
            if (known.Text("message") != words)
            {
                pod["status"]!["conditions"] = new JsonArray(condition);
                _world.Store.Save("pods", pod);
                _world.Say(pod, "default-scheduler", "Warning", "FailedScheduling", words);
            }

            return;
        }

        pod["status"]!["conditions"] = new JsonArray(condition);

        pod["spec"]!["nodeName"] = Node;
        _world.Store.Save("pods", pod);
        _world.Say(pod, "default-scheduler", "Normal", "Scheduled", $"Successfully assigned {key.Namespace}/{key.Name} to {Node}");
    }

    private static decimal Processors(JsonObject container) =>
        new ResourceQuantity(container.Text("resources", "requests", "cpu") ?? "0").ToDecimal();
}
