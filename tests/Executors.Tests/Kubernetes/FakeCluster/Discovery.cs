using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The API server's discovery documents, for kubectl: its version, its kinds, and that it supports field validation.</summary>
internal static class Discovery
{
    private static readonly string[] Verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly Dictionary<string, string[]> Short = new(StringComparer.Ordinal)
    {
        ["pods"] = ["po"],
        ["namespaces"] = ["ns"],
        ["events"] = ["ev"],
        ["configmaps"] = ["cm"],
        ["resourcequotas"] = ["quota"],
        ["persistentvolumeclaims"] = ["pvc"],
    };

    private static IEnumerable<string> Groups => Kind.All.Select(k => k.Group).Where(g => g.Length > 0).Distinct();

    /// <summary>The document at a path; null when there is none.</summary>
    public static JsonObject? Find(string path) =>
        path.Trim('/').Split('/') switch
        {
            ["version"] => new()
            {
                ["major"] = "1",
                ["minor"] = "36",
                ["gitVersion"] = "v1.36.0-fake",
                ["platform"] = "linux/amd64",
            },
            ["api"] => new()
            {
                ["kind"] = "APIVersions",
                ["versions"] = new JsonArray("v1"),
                ["serverAddressByClientCIDRs"] = new JsonArray(),
            },
            ["apis"] => new()
            {
                ["kind"] = "APIGroupList",
                ["apiVersion"] = "v1",
                ["groups"] = Json.Array(Groups.Select(Group)),
            },
            ["api", "v1"] => Resources(""),
            ["apis", var group, "v1"] when Groups.Contains(group) => Resources(group),
            ["openapi", "v3"] => new()
            {
                ["paths"] = new JsonObject(
                    Groups
                        .Select(g => $"apis/{g}/v1")
                        .Prepend("api/v1")
                        .Select(p =>
                            KeyValuePair.Create(p, (JsonNode?)new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{p}?hash=0" })
                        )
                ),
            },
            ["openapi", "v3", "api", "v1"] => Schema(""),
            ["openapi", "v3", "apis", var group, "v1"] when Groups.Contains(group) => Schema(group),
            _ => null,
        };

    private static JsonObject Group(string name)
    {
        JsonObject Version() => new() { ["groupVersion"] = $"{name}/v1", ["version"] = "v1" };
        return new()
        {
            ["name"] = name,
            ["versions"] = new JsonArray(Version()),
            ["preferredVersion"] = Version(),
        };
    }

    private static JsonObject Resources(string group) =>
        new()
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? "v1" : $"{group}/v1",
            ["resources"] = Json.Array(Kind.All.Where(k => k.Group == group).SelectMany(Describe)),
        };

    private static IEnumerable<JsonObject> Describe(Kind kind)
    {
        yield return new()
        {
            ["name"] = kind.Plural,
            ["singularName"] = kind.Name.ToLowerInvariant(),
            ["namespaced"] = kind.HasNamespace,
            ["kind"] = kind.Name,
            ["verbs"] = Json.Array(Verbs.Select(v => (JsonNode)v)),
            ["shortNames"] = Json.Array(Short.GetValueOrDefault(kind.Plural, []).Select(s => (JsonNode)s)),
        };
        if (kind.Name == "Pod")
        {
            yield return new()
            {
                ["name"] = "pods/log",
                ["singularName"] = "",
                ["namespaced"] = true,
                ["kind"] = "Pod",
                ["verbs"] = new JsonArray("get"),
            };
            yield return new()
            {
                ["name"] = "pods/eviction",
                ["singularName"] = "",
                ["namespaced"] = true,
                ["group"] = "policy",
                ["version"] = "v1",
                ["kind"] = "Eviction",
                ["verbs"] = new JsonArray("create"),
            };
        }
    }

    /// <summary>
    /// Without fields: only states that <c>fieldValidation</c> is supported, so that clients leave validation to the server.
    /// </summary>
    private static JsonObject Schema(string group)
    {
        var paths = new JsonObject();
        foreach (var kind in Kind.All.Where(k => k.Group == group))
        {
            var root = group.Length == 0 ? "/api/v1" : $"/apis/{group}/v1";
            var path = $"{root}{(kind.HasNamespace ? "/namespaces/{namespace}" : "")}/{kind.Plural}/{{name}}";
            paths[path] = new JsonObject
            {
                ["patch"] = new JsonObject
                {
                    ["parameters"] = new JsonArray(
                        new JsonObject
                        {
                            ["name"] = "fieldValidation",
                            ["in"] = "query",
                            ["schema"] = new JsonObject { ["type"] = "string" },
                        }
                    ),
                    ["x-kubernetes-group-version-kind"] = new JsonObject
                    {
                        ["group"] = group,
                        ["kind"] = kind.Name,
                        ["version"] = "v1",
                    },
                },
            };
        }

        return new()
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1.36.0-fake" },
            ["paths"] = paths,
        };
    }
}
