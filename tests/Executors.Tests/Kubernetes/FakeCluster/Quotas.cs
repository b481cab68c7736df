using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Checks before each create: the namespace exists, is not terminating, and its quotas allow it.</summary>
internal static class Quotas
{
    /// <summary>Refuses an object beyond a quota.</summary>
    public static void Check(Store store, Kind kind, string @namespace, string name, JsonObject made, bool anyNamespace)
    {
        var found = store.Find(new("namespaces", "", @namespace));
        if (found is null && !anyNamespace)
        {
            throw Refusal.NotFound(Kind.Of("namespaces"), @namespace);
        }

        if (found is not null && found.IsDeleting())
        {
            throw Refusal.Forbidden(
                kind,
                name,
                $"unable to create new content in namespace {@namespace} because it is being terminated",
                new JsonObject
                {
                    ["reason"] = "NamespaceTerminating",
                    ["message"] = $"namespace {@namespace} is being terminated",
                    ["field"] = "metadata.namespace",
                }
            );
        }

        foreach (var quota in store.List("resourcequotas", @namespace))
        {
            CheckDemands(quota, kind, name, made);
            foreach (var (resource, hard) in quota.At("spec", "hard")?.AsObject() ?? [])
            {
                if (resource == $"count/{kind.Qualified}" || (resource == kind.Plural && kind.Group.Length == 0))
                {
                    var used = store
                        .List(kind.Plural, @namespace)
                        .Count(o => kind.Name != "Pod" || o.Text("status", "phase") is not ("Succeeded" or "Failed"));
                    if (used + 1 > long.Parse((string)hard!, CultureInfo.InvariantCulture))
                    {
                        throw Refusal.Forbidden(
                            kind,
                            name,
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"exceeded quota: {quota.Name()}, requested: {resource}=1, used: {resource}={used}, limited: "
                                    + $"{resource}={hard}"
                            )
                        );
                    }
                }
            }
        }
    }

    /// <summary>Every container must name the resources that a quota counts.</summary>
    private static void CheckDemands(JsonObject quota, Kind kind, string name, JsonObject made)
    {
        var demands = (quota.At("spec", "hard") as JsonObject ?? [])
            .Select(h => h.Key.Split('.'))
            .Where(p => p is ["limits" or "requests", "cpu" or "memory"]);
        var missing =
            kind.Name != "Pod"
                ? []
                : demands
                    .Select(d =>
                        (
                            Demand: string.Join('.', d),
                            Of: made.Items("spec", "initContainers")
                                .Concat(made.Items("spec", "containers"))
                                .Where(c => c.At("resources", d[0], d[1]) is null)
                                .Select(c => c.Text("name"))
                                .ToList()
                        )
                    )
                    .Where(m => m.Of.Count > 0)
                    .ToList();
        if (missing.Count > 0)
        {
            throw Refusal.Forbidden(
                kind,
                name,
                $"failed quota: {quota.Name()}: must specify "
                    + $"{string.Join("; ", missing.Select(m => $"{m.Demand} for: {string.Join(',', m.Of)}"))}"
            );
        }
    }
}
