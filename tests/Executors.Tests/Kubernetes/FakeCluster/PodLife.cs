using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A pod as its kubelet sees it, and the status that it reports.</summary>
internal sealed class PodLife(JsonObject pod)
{
    public ObjectKey Key { get; } = new("pods", pod.Text("metadata", "namespace")!, pod.Name());

    public JsonObject Pod => pod;

    public IReadOnlyList<ContainerLife> First { get; } =
    [.. pod.Items("spec", "initContainers").Select(c => new ContainerLife(c, isFirst: true))];

    public IReadOnlyList<ContainerLife> Main { get; } =
    [.. pod.Items("spec", "containers").Select(c => new ContainerLife(c, isFirst: false))];

    public IEnumerable<ContainerLife> All => First.Concat(Main);

    /// <summary>The files that its containers share, by path.</summary>
    public Dictionary<string, string> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Its scheduled next steps.</summary>
    public IEnumerator<TimeSpan>? Steps { get; set; }

    public string Phase { get; set; } = "Pending";

    public bool HasSandbox { get; set; }

    /// <summary>Why the kubelet stopped it; null when it did not.</summary>
    public (string Reason, string Message)? Verdict { get; set; }

    /// <summary>The phase: sidecars don't count, and containers that have not started keep it pending.</summary>
    public string SumUp()
    {
        var ended = Main.All(c => c.ExitCode is not null);
        return First.Any(c => !c.IsSidecar && c.ExitCode > 0) || (ended && Main.Any(c => c.ExitCode != 0)) ? "Failed"
            : ended ? "Succeeded"
            : Main.Any(c => c.IsWaiting) ? "Pending"
            : "Running";
    }

    public JsonObject Status(JsonNode? before, DateTimeOffset now)
    {
        var status = new JsonObject
        {
            ["phase"] = Phase,
            ["conditions"] = Json.Array(Conditions(before, now)),
            ["startTime"] = before.Text("startTime") ?? Json.Time(now),
            ["hostIP"] = "10.0.0.1",
        };
        if (Verdict is var (reason, message))
        {
            (status["reason"], status["message"]) = (reason, message);
        }

        if (First.Count > 0)
        {
            status["initContainerStatuses"] = Json.Array(First.Select(c => c.Status()));
        }

        status["containerStatuses"] = Json.Array(Main.Select(c => c.Status()));
        return status;
    }

    private List<JsonNode> Conditions(JsonNode? before, DateTimeOffset now)
    {
        var all = before.Items("conditions").Where(c => c.Text("type") == "DisruptionTarget").Select(c => c.DeepClone()).ToList();
        var isOver =
            Main.All(c => c.ExitCode is not null && c.State.Text("terminated", "reason") != "ContainerStatusUnknown")
            || First.Any(c => !c.IsSidecar && c.ExitCode > 0);
        var succeeded = isOver && Main.All(c => c.ExitCode == 0);
        var incomplete = First.Where(c => !c.HasDoneItsPart).Select(c => c.Name).ToList();
        var unready = First.Where(c => c.IsSidecar).Concat(Main).Where(c => !c.IsReady).Select(c => c.Name).ToList();
        var (why, words) =
            isOver ? (succeeded ? "PodCompleted" : "PodFailed", null)
            : unready.Count == 0 ? (null, null)
            : ("ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]");
        all.Add(Condition("PodReadyToStartContainers", HasSandbox, null, null));
        all.Add(
            incomplete.Count > 0 && !succeeded
                ? Condition(
                    "Initialized",
                    false,
                    "ContainersNotInitialized",
                    $"containers with incomplete status: [{string.Join(' ', incomplete)}]"
                )
                : Condition("Initialized", true, succeeded ? "PodCompleted" : null, null)
        );
        all.Add(Condition("Ready", why is null, why, words));
        all.Add(Condition("ContainersReady", why is null, why, words));
        all.Add(Condition("PodScheduled", true, null, null));
        return all;

        JsonObject Condition(string type, bool isTrue, string? reason, string? message)
        {
            var status = isTrue ? "True" : "False";
            var since = before
                .Items("conditions")
                .FirstOrDefault(c => c.Text("type") == type && c.Text("status") == status)
                ?.Text("lastTransitionTime");
            var condition = new JsonObject
            {
                ["type"] = type,
                ["status"] = status,
                ["lastProbeTime"] = null,
                ["lastTransitionTime"] = since ?? Json.Time(now),
            };
            if (reason is not null)
            {
                condition["reason"] = reason;
            }

            if (message is not null)
            {
                condition["message"] = message;
            }

            return condition;
        }
    }
}
