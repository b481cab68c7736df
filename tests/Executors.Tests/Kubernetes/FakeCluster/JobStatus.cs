using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A Job's status: counters of its pods, absent when zero, and conditions.</summary>
internal static class JobStatus
{
    public static void Count(JsonObject job, IReadOnlyList<JsonObject> pods)
    {
        var status = job["status"]!.AsObject();
        var active = pods.Count(IsActive);
        status.Remove("active");
        if (active > 0)
        {
            status["active"] = active;
        }

        status["terminating"] = pods.Count(p => p.IsDeleting() && Phase(p) is not ("Succeeded" or "Failed"));
        status["ready"] = pods.Count(p =>
            IsActive(p) && p.Items("status", "conditions").Any(c => c.Text("type") == "Ready" && c.Text("status") == "True")
        );
        status["uncountedTerminatedPods"] ??= new JsonObject();
    }

    public static void Add(JsonObject job, string type, string reason, string message, DateTimeOffset now)
    {
        if (job["status"]!["conditions"] is not JsonArray conditions)
        {
            job["status"]!["conditions"] = conditions = [];
        }

        conditions.Add(
            new JsonObject
            {
                ["type"] = type,
                ["status"] = "True",
                ["lastProbeTime"] = Json.Time(now),
                ["lastTransitionTime"] = Json.Time(now),
                ["reason"] = reason,
                ["message"] = message,
            }
        );
    }

    public static JsonObject? Condition(JsonObject job, string type) =>
        job.Items("status", "conditions").FirstOrDefault(c => c.Text("type") == type);

    public static bool IsFinished(JsonObject job) => (Condition(job, "Complete") ?? Condition(job, "Failed")) is not null;

    public static bool IsActive(JsonObject pod) => !pod.IsDeleting() && Phase(pod) is not ("Succeeded" or "Failed");

    public static string? Phase(JsonObject pod) => pod.Text("status", "phase");
}
