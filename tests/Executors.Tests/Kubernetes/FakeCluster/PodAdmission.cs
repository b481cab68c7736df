using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Admission of pods: service account, the namespace's default limits, its pod security standard.
/// </summary>
internal static class PodAdmission
{
    /// <summary>Fills in the namespace's defaults, and refuses what it does not allow.</summary>
    public static void Admit(Store store, string @namespace, JsonObject pod)
    {
        var account = pod.Text("spec", "serviceAccountName") ?? "default";
        if (store.Find(new("serviceaccounts", @namespace, account)) is null)
        {
            throw Refusal.Forbidden(
                Kind.Of("pods"),
                pod.Name(),
                $"error looking up service account {@namespace}/{account}: serviceaccount \"{account}\" not found"
            );
        }

        foreach (
            var limits in store
                .List("limitranges", @namespace)
                .SelectMany(r => r.Items("spec", "limits"))
                .Where(l => l.Text("type") == "Container")
        )
        {
            foreach (var container in pod.Items("spec", "initContainers").Concat(pod.Items("spec", "containers")))
            {
                var resources = (container["resources"] ??= new JsonObject()).AsObject();
                Fill(resources, "limits", limits["default"]);
                Fill(resources, "requests", limits["defaultRequest"]);
            }
        }

        PodSecurity.Check(store, @namespace, pod);
    }

    private static void Fill(JsonObject resources, string what, JsonNode? defaults)
    {
        foreach (var (name, value) in defaults as JsonObject ?? [])
        {
            (resources[what] ??= new JsonObject())[name] ??= value!.DeepClone();
        }
    }
}
