using System.Text.Json.Nodes;
using k8s.Models;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A kind of object that the fake API server serves, and the client's model with its fields.</summary>
internal sealed record Kind(string Plural, string Name, string Group, Type Model, bool HasNamespace = true)
{
    public static IReadOnlyList<Kind> All { get; } =
    [
        new("jobs", "Job", "batch", typeof(V1Job)),
        new("pods", "Pod", "", typeof(V1Pod)),
        new("secrets", "Secret", "", typeof(V1Secret)),
        new("configmaps", "ConfigMap", "", typeof(V1ConfigMap)),
        new("events", "Event", "", typeof(Corev1Event)),
        new("resourcequotas", "ResourceQuota", "", typeof(V1ResourceQuota)),
        new("limitranges", "LimitRange", "", typeof(V1LimitRange)),
        new("serviceaccounts", "ServiceAccount", "", typeof(V1ServiceAccount)),
        new("persistentvolumeclaims", "PersistentVolumeClaim", "", typeof(V1PersistentVolumeClaim)),
        new("leases", "Lease", "coordination.k8s.io", typeof(V1Lease)),
        new("namespaces", "Namespace", "", typeof(V1Namespace), HasNamespace: false),
        new(
            "selfsubjectaccessreviews",
            "SelfSubjectAccessReview",
            "authorization.k8s.io",
            typeof(V1SelfSubjectAccessReview),
            HasNamespace: false
        ),
    ];

    public static Kind Of(string plural) => All.Single(k => k.Plural == plural);

    public string Version => "v1";

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>Its name in messages: <c>jobs.batch</c>.</summary>
    public string Qualified => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>Its name in messages about its content: <c>Job.batch</c>.</summary>
    public string QualifiedName => Group.Length == 0 ? Name : $"{Name}.{Group}";

    public JsonObject Details(string? name, string? kind = null)
    {
        var details = new JsonObject();
        if (!string.IsNullOrEmpty(name))
        {
            details["name"] = name;
        }

        if (Group.Length > 0)
        {
            details["group"] = Group;
        }

        details["kind"] = kind ?? Plural;
        return details;
    }
}
