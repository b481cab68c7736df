using System.Text;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The API server's defaults.</summary>
internal static class Defaults
{
    public static void Apply(Kind kind, JsonObject found)
    {
        switch (kind.Name)
        {
            case "Job":
                Job(found);
                break;
            case "Secret":
                Secret(found);
                break;
            case "Namespace":
                Or(found, "metadata", []).AsObject().TryAdd("labels", new JsonObject());
                found["metadata"]!["labels"]!["kubernetes.io/metadata.name"] = found.Name();
                found["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
                found["status"] = new JsonObject { ["phase"] = "Active" };
                break;
            case "ResourceQuota" or "Pod":
                found["status"] ??= new JsonObject();
                break;
        }
    }

    private static void Job(JsonObject job)
    {
        var (name, uid) = (job.Text("metadata", "name") ?? "", job.Text("metadata", "uid"));
        var own = new JsonObject
        {
            ["batch.kubernetes.io/controller-uid"] = uid,
            ["batch.kubernetes.io/job-name"] = name,
            ["controller-uid"] = uid,
            ["job-name"] = name,
        };
        var spec = Or(job, "spec", []).AsObject();
        Or(spec, "parallelism", 1);
        Or(spec, "completions", 1);
        Or(spec, "backoffLimit", 6);
        Or(spec, "completionMode", "NonIndexed");
        Or(spec, "suspend", false);
        Or(spec, "manualSelector", false);
        Or(spec, "podReplacementPolicy", "TerminatingOrFailed");
        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
        var template = Or(spec, "template", []).AsObject();
        var labels = Or(Or(template, "metadata", []).AsObject(), "labels", []).AsObject();
        foreach (var (key, value) in own)
        {
            labels[key] = value!.DeepClone();
        }

        // A Job without labels gets those of its pod template.
        if (job.At("metadata", "labels") is not JsonObject { Count: > 0 })
        {
            job.Meta()["labels"] = labels.DeepClone();
        }

        Pod(Or(template, "spec", []).AsObject());
        job["status"] = new JsonObject();
    }

    private static void Pod(JsonObject spec)
    {
        Or(spec, "terminationGracePeriodSeconds", 30);
        Or(spec, "dnsPolicy", "ClusterFirst");
        Or(spec, "securityContext", []);
        Or(spec, "schedulerName", "default-scheduler");
        foreach (var container in spec.Items("initContainers").Concat(spec.Items("containers")))
        {
            Or(container, "resources", []);
            Or(container, "terminationMessagePath", "/dev/termination-log");
            Or(container, "terminationMessagePolicy", "File");
            if (container["startupProbe"] is JsonObject probe)
            {
                Or(probe, "periodSeconds", 10);
                Or(probe, "failureThreshold", 3);
                Or(probe, "successThreshold", 1);
                Or(probe, "timeoutSeconds", 1);
            }

            var image = container.Text("image") ?? "";
            Or(
                container,
                "imagePullPolicy",
                image.EndsWith(":latest", StringComparison.Ordinal) || !image.Split('/')[^1].Contains(':', StringComparison.Ordinal)
                    ? "Always"
                    : "IfNotPresent"
            );
        }

        foreach (var volume in spec.Items("volumes"))
        {
            if (volume["secret"] is JsonObject secret)
            {
                Or(secret, "defaultMode", 420);
            }
        }
    }

    private static void Secret(JsonObject secret)
    {
        Or(secret, "type", "Opaque");
        if (secret["stringData"] is JsonObject plain)
        {
            var data = Or(secret, "data", []).AsObject();
            foreach (var (key, value) in plain)
            {
                data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes((string)value!));
            }

            secret.Remove("stringData");
        }
    }

    private static JsonNode Or(JsonObject found, string name, JsonNode value)
    {
        found[name] ??= value;
        return found[name]!;
    }

    private static JsonNode Or(JsonObject found, string name, JsonObject value) => Or(found, name, (JsonNode)value);
}
