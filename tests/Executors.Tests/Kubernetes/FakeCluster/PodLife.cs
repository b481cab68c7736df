using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A container as its kubelet knows it.</summary>
internal sealed class ContainerLife(JsonObject spec, bool isFirst)
{
    public JsonObject Spec => spec;

    public string Name => spec.Text("name")!;

    public string Image => spec.Text("image")!;

    /// <summary>As events name it.</summary>
    public string Path => $"spec.{(isFirst ? "initContainers" : "containers")}{{{Name}}}";

    public JsonObject State { get; set; } = [];

    public Shell.Course? Course { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public DateTimeOffset EndsAt => StartedAt + (Course?.Length ?? TimeSpan.Zero);

    public bool IsRunning => State.ContainsKey("running");

    public long? ExitCode => State.Number("terminated", "exitCode");

    public void Wait(string reason, string? message = null)
    {
        var waiting = new JsonObject { ["reason"] = reason };
        if (message is not null)
        {
            waiting["message"] = message;
        }

        State = new() { ["waiting"] = waiting };
    }

    public void Run() => State = new() { ["running"] = new JsonObject { ["startedAt"] = Json.Time(StartedAt) } };

    public void End(int code, string reason, DateTimeOffset at, string? message = null)
    {
        var end = new JsonObject { ["exitCode"] = code, ["reason"] = reason };
        if (message is not null)
        {
            end["message"] = message;
        }

        end["startedAt"] = reason == "StartError" ? "1970-01-01T00:00:00Z" : Json.Time(StartedAt);
        end["finishedAt"] = Json.Time(at);
        if (reason == "ContainerStatusUnknown")
        {
            (end["startedAt"], end["finishedAt"]) = (null, null);
        }

        State = new() { ["terminated"] = end };
    }

    public JsonObject Status() => new()
    {
        ["name"] = Name,
        ["state"] = State.DeepClone(),
        ["lastState"] = new JsonObject(),
        ["ready"] = isFirst ? ExitCode == 0 : IsRunning,
        ["restartCount"] = 0,
        ["image"] = Image,
        ["imageID"] = "",
        ["started"] = IsRunning,
    };
}

/// <summary>A pod as its kubelet knows it, and the status it tells the API server.</summary>
internal sealed class PodLife(JsonObject pod)
{
    public ObjectKey Key { get; } = new("pods", pod.Text("metadata", "namespace")!, pod.Name());

    public JsonObject Pod => pod;

    public IReadOnlyList<ContainerLife> First { get; } = [.. pod.Items("spec", "initContainers").Select(c => new ContainerLife(c, isFirst: true))];

    public IReadOnlyList<ContainerLife> Main { get; } = [.. pod.Items("spec", "containers").Select(c => new ContainerLife(c, isFirst: false))];

    public IEnumerable<ContainerLife> All => First.Concat(Main);

    /// <summary>What its containers share, by path.</summary>
    public Dictionary<string, string> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>What happens to it next, pause by pause.</summary>
    public IEnumerator<TimeSpan>? Steps { get; set; }

    public string Phase { get; set; } = "Pending";

    public bool HasSandbox { get; set; }

    /// <summary>Why the kubelet itself ended it; null when it did not.</summary>
    public (string Reason, string Message)? Verdict { get; set; }

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
        var isOver = Main.All(c => c.ExitCode is not null && c.State.Text("terminated", "reason") != "ContainerStatusUnknown") || First.Any(c => c.ExitCode > 0);
        var succeeded = isOver && Main.All(c => c.ExitCode == 0);
        var incomplete = First.Where(c => c.ExitCode != 0).Select(c => c.Name).ToList();
        var unready = Main.Where(c => !c.IsRunning).Select(c => c.Name).ToList();
        var (why, words) = isOver ? (succeeded ? "PodCompleted" : "PodFailed", null) : unready.Count == 0 ? (null, null) : ("ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]");
        all.Add(Condition("PodReadyToStartContainers", HasSandbox, null, null));
        all.Add(incomplete.Count > 0
            ? Condition("Initialized", false, "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', incomplete)}]")
            : Condition("Initialized", true, succeeded ? "PodCompleted" : null, null));
        all.Add(Condition("Ready", why is null, why, words));
        all.Add(Condition("ContainersReady", why is null, why, words));
        all.Add(Condition("PodScheduled", true, null, null));
        return all;

        JsonObject Condition(string type, bool isTrue, string? reason, string? message)
        {
            var status = isTrue ? "True" : "False";
            var since = before.Items("conditions").FirstOrDefault(c => c.Text("type") == type && c.Text("status") == status)?.Text("lastTransitionTime");
            var condition = new JsonObject { ["type"] = type, ["status"] = status, ["lastProbeTime"] = null, ["lastTransitionTime"] = since ?? Json.Time(now) };
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
