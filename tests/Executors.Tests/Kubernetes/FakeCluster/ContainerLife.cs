using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A container as its kubelet sees it.</summary>
internal sealed class ContainerLife(JsonObject spec, bool isFirst)
{
    public JsonObject Spec => spec;

    public string Name => spec.Text("name")!;

    public string Image => spec.Text("image")!;

    /// <summary>As events name it.</summary>
    public string Path => $"spec.{(isFirst ? "initContainers" : "containers")}{{{Name}}}";

    /// <summary>
    /// A sidecar: an init container that keeps running, is restarted when it ends, and does not count for the pod's end.
    /// </summary>
    public bool IsSidecar => isFirst && spec.Text("restartPolicy") == "Always";

    public JsonObject State { get; set; } = [];

    /// <summary>Its previous end, before the last restart.</summary>
    public JsonObject LastState { get; set; } = [];

    public int Restarts { get; set; }

    /// <summary>Whether its startup probe has succeeded since its last start.</summary>
    public bool HasPassed { get; set; }

    public Shell.Course? Course { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public DateTimeOffset EndsAt => StartedAt + (Course?.Length ?? TimeSpan.Zero);

    public bool IsRunning => State.ContainsKey("running");

    public bool IsWaiting => !IsRunning && ExitCode is null;

    public long? ExitCode => State.Number("terminated", "exitCode");

    /// <summary>Whether it has started: it runs and its startup probe, if it has one, has succeeded.</summary>
    public bool HasStarted => IsRunning && (HasPassed || spec["startupProbe"] is null);

    public bool IsReady => isFirst && !IsSidecar ? ExitCode == 0 : HasStarted;

    /// <summary>Whether the next init container may start.</summary>
    public bool HasDoneItsPart => IsSidecar ? HasStarted : ExitCode == 0;

    /// <summary>Period, failure threshold and port of its startup probe; null without one.</summary>
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

    /// <summary>Ends it when its time is over; whether it has ended.</summary>
    public bool EndIfOver(DateTimeOffset now)
    {
        if (IsRunning && EndsAt < now)
        {
            End(Course!.ExitCode, Course.Reason, EndsAt);
        }

        return ExitCode is not null;
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

    /// <summary>Whether it ended and is about to be restarted.</summary>
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
