using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Puts pods on the only node, which has four processors.</summary>
internal sealed class Scheduler
{
    private const string Node = "vm";
    private const int Available = 4;
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

        // The first containers run one after the other, the others all at once.
        var wanted = Math.Max(pod.Items("spec", "initContainers").Select(Processors).DefaultIfEmpty().Max(), pod.Items("spec", "containers").Sum(Processors));
        var condition = new JsonObject { ["type"] = "PodScheduled", ["status"] = wanted > Available ? "False" : "True", ["lastProbeTime"] = null, ["lastTransitionTime"] = Json.Time(_world.Now) };
        pod["status"]!["conditions"] = new JsonArray(condition);
        if (wanted > Available)
        {
            const string words = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
            (condition["reason"], condition["message"]) = ("Unschedulable", words);
            _world.Store.Save("pods", pod);
            _world.Say(pod, "default-scheduler", "Warning", "FailedScheduling", words);
            return;
        }

        pod["spec"]!["nodeName"] = Node;
        _world.Store.Save("pods", pod);
        _world.Say(pod, "default-scheduler", "Normal", "Scheduled", $"Successfully assigned {key.Namespace}/{key.Name} to {Node}");
    }

    private static double Processors(JsonObject container)
    {
        var text = container.Text("resources", "requests", "cpu") ?? "0";
        return text.EndsWith('m') ? double.Parse(text[..^1], CultureInfo.InvariantCulture) / 1000 : double.Parse(text, CultureInfo.InvariantCulture);
    }
}
