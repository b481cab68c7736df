using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The pod security standard <c>restricted</c>, which a namespace may enforce by a label.</summary>
internal static class PodSecurity
{
    private static readonly string[] Volumes =
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];

    /// <summary>Refuses a pod that does not comply with its namespace's standard.</summary>
    public static void Check(Store store, string @namespace, JsonObject pod)
    {
        if (
            store.Find(new("namespaces", "", @namespace)).Text("metadata", "labels", "pod-security.kubernetes.io/enforce") == "restricted"
            && Violations(pod["spec"]!.AsObject()) is { Count: > 0 } all
        )
        {
            throw Refusal.Forbidden(Kind.Of("pods"), pod.Name(), $"violates PodSecurity \"restricted:latest\": {string.Join(", ", all)}");
        }
    }

    private static List<string> Violations(JsonObject spec)
    {
        var containers = spec.Items("initContainers").Concat(spec.Items("containers")).ToList();
        var own = spec["securityContext"];
        var all = new List<string>();
        Each(
            "allowPrivilegeEscalation != false",
            "securityContext.allowPrivilegeEscalation=false",
            c => c.At("securityContext", "allowPrivilegeEscalation")?.GetValue<bool>() == false
        );
        Each(
            "unrestricted capabilities",
            "securityContext.capabilities.drop=[\"ALL\"]",
            c => (c.At("securityContext", "capabilities", "drop") as JsonArray ?? []).Any(d => (string?)d == "ALL")
        );
        Each(
            "runAsNonRoot != true",
            "securityContext.runAsNonRoot=true",
            c => (c.At("securityContext", "runAsNonRoot") ?? own.At("runAsNonRoot"))?.GetValue<bool>() == true
        );
        Each(
            "runAsUser=0",
            "a securityContext.runAsUser other than 0",
            c => (c.Number("securityContext", "runAsUser") ?? own.Number("runAsUser")) != 0
        );
        Each(
            "seccompProfile",
            "securityContext.seccompProfile.type to \"RuntimeDefault\"",
            c =>
                (c.Text("securityContext", "seccompProfile", "type") ?? own.Text("seccompProfile", "type"))
                    is "RuntimeDefault"
                        or "Localhost"
        );
        if (spec.Items("volumes").Any(v => !v.Any(p => Volumes.Contains(p.Key))))
        {
            all.Add("restricted volume types");
        }

        if (new[] { "hostNetwork", "hostPID", "hostIPC" }.Any(h => spec[h]?.GetValue<bool>() == true))
        {
            all.Add("host namespaces");
        }

        return all;

        void Each(string what, string wanted, Func<JsonObject, bool> isGood)
        {
            var bad = containers.Where(c => !isGood(c)).Select(c => $"\"{c.Text("name")}\"").ToList();
            if (bad.Count > 0)
            {
                all.Add($"{what} (container{(bad.Count == 1 ? "" : "s")} {string.Join(", ", bad)} must set {wanted})");
            }
        }
    }
}
