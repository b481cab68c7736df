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

    /// <summary>
    /// A first container that runs on beside the others, is started anew when it ends, and does not count for the pod's end.
    /// </summary>
    public bool IsSidecar => isFirst && spec.Text("restartPolicy") == "Always";

    public JsonObject State { get; set; } = [];

    /// <summary>How it ended before it was started anew.</summary>
    public JsonObject LastState { get; set; } = [];

    public int Restarts { get; set; }

    /// <summary>Its start-up probe has passed, since it was last started.</summary>
    public bool HasPassed { get; set; }

    public Shell.Course? Course { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public DateTimeOffset EndsAt => StartedAt + (Course?.Length ?? TimeSpan.Zero);

    public bool IsRunning => State.ContainsKey("running");

    public bool IsWaiting => !IsRunning && ExitCode is null;

    public long? ExitCode => State.Number("terminated", "exitCode");

    /// <summary>Nobody waits for it any more: it runs and its start-up probe, if it has one, has passed.</summary>
    public bool HasStarted => IsRunning && (HasPassed || spec["startupProbe"] is null);

    public bool IsReady => isFirst && !IsSidecar ? ExitCode == 0 : HasStarted;

    /// <summary>What comes after it in the row of first containers may begin.</summary>
    public bool HasDoneItsPart => IsSidecar ? HasStarted : ExitCode == 0;

    /// <summary>How often, with which patience and at which port its start-up is asked about; null: not at all.</summary>
    public (TimeSpan Period, int Failures, int Port)? Probe =>
        spec["startupProbe"] is JsonObject probe
            ? (
                TimeSpan.FromSeconds(probe.Number("periodSeconds") ?? 10),
                (int)(probe.Number("failureThreshold") ?? 3),
                (int)probe.Number("tcpSocket", "port")!
            )
            : null;

    public void Wait(string reason, string? message = null)
    {
        var waiting = new JsonObject { ["reason"] = reason };
        if (message is not null)
        {
            waiting["message"] = message;
        }

        State = new() { ["waiting"] = waiting };
    }

    public void Run()
    {
        HasPassed = false;
        State = new() { ["running"] = new JsonObject { ["startedAt"] = Json.Time(StartedAt) } };
    }

    public void End(int code, string reason, DateTimeOffset at, string? message = null)
    {
        var end = new JsonObject { ["exitCode"] = code, ["reason"] = reason };
        if (!string.IsNullOrEmpty(message))
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

    /// <summary>It ended, and is about to be started anew.</summary>
    public void WaitForRestart(TimeSpan pause, string pod)
    {
        (LastState, Restarts) = (State, Restarts + 1);
        Wait(
            "CrashLoopBackOff",
            string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"back-off {pause.TotalSeconds:0}s restarting failed container={Name} pod={pod}"
            )
        );
    }

    public JsonObject Status() =>
        new()
        {
            ["name"] = Name,
            ["state"] = State.DeepClone(),
            ["lastState"] = LastState.DeepClone(),
            ["ready"] = IsReady,
            ["restartCount"] = Restarts,
            ["image"] = Image,
            ["imageID"] = "",
            ["started"] = HasStarted,
        };
}
