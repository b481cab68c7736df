using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// A difference between a real cluster and the fake one that is let pass, and why. What no row names must be equal: codes, headers,
/// whole bodies, and watches event by event.
/// </summary>
internal sealed record Tolerance(string Because, string Where, Func<JsonNode, JsonNode> Normalize)
{
    private const string Anywhere = "";
    private const string Masked = "*";
    private static readonly string[] Times =
    [
        "creationTimestamp",
        "deletionTimestamp",
        "startTime",
        "completionTime",
        "lastTransitionTime",
        "lastProbeTime",
        "startedAt",
        "finishedAt",
        "firstTimestamp",
        "lastTimestamp",
        "eventTime",
    ];

    private static readonly string[] PodFields =
    [
        "containers",
        "initContainers",
        "nodeName",
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "schedulerName",
    ];
    private static readonly string[] ContainerFields = ["name", "image", "command", "env", "envFrom", "imagePullPolicy"];
    private static readonly string[] PodStatusFields =
    [
        "phase",
        "reason",
        "message",
        "conditions",
        "initContainerStatuses",
        "containerStatuses",
    ];
    private static readonly string[] StatusFields = ["name", "state", "lastState", "ready", "restartCount"];
    private static readonly string[] EventFields = ["type", "reason", "message", "involvedObject"];
    private static readonly string[] InvolvedFields = ["kind", "namespace", "name", "uid", "apiVersion", "fieldPath"];

    public static IReadOnlyList<Tolerance> All { get; } =
    [
        new(
            "Times are when it was: that they are there is compared.",
            Anywhere,
            n => Each(n, (o, name) => Times.Contains(name) && o[name] is not null, (o, name) => o[name] = Masked)
        ),
        new(
            "Versions count all that happens in a cluster, its nodes' leases and leader elections included.",
            Anywhere,
            n => Each(n, (o, name) => name == "resourceVersion" && o[name] is JsonValue, (o, name) => o[name] = Masked)
        ),
        new(
            "Sentences name versions.",
            "07|08-lease",
            n => Texts(n, "message", @"(version|record|current|\(ResourceVersion\)):? \(?\d+\)?( \(\d+\))?", "$1 *")
        ),
        new(
            "The controller looks at pods once a second: whether it sees a short one ready is chance.",
            Anywhere,
            n =>
                Each(
                    n,
                    (_, name) => name == "ready",
                    (o, name) => o[name] = o[name]!.GetValueKind() == System.Text.Json.JsonValueKind.Number ? Masked : o[name]!.DeepClone()
                )
        ),
        new("Conditions are a set: each writer puts its own first.", Anywhere, SortConditions),
        new(
            "A pod's spec and status hold what admission and the node add: its token's volume, tolerations, addresses, image "
                + "and container ids, resources. Kept: what the Job said and what became of it.",
            Anywhere,
            PickPod
        ),
        new(
            "The recorded node knew no cluster DNS and said so with each pod; an event's own name, source and count are its recorder's.",
            "events",
            Events
        ),
        new("Names of pods that were never made.", "06b-quota", n => Texts(n, "message", "pods \"q1-[a-z0-9]{5}\"", "pods *")),
        new(
            "What is immutable is printed as Go prints its own structs.",
            "06-errors/39-put-immutable",
            n => Texts(n, "message", "Invalid value: \\{.*\\}: field is immutable", "Invalid value: *: field is immutable")
        ),
        new(
            "A container's stdout and stderr are two pipes: lines of one may overtake those of the other.",
            "01-job-success/.*pod-log",
            n =>
                n is JsonValue v && v.TryGetValue<string>(out var text)
                    ? string.Join('\n', text.Split('\n').Order(StringComparer.Ordinal))
                    : n
        ),
        new("Lines are stamped with when they came.", "10-logs/06-timestamps", n => Text(n, @"^\d{4}-\d\d-\d\dT[\d:.]+Z ", "* ")),
        new("ls tells when the files were made.", "09-secret/14-pod-log", n => Text(n, @"[A-Z][a-z][a-z] +\d+ \d\d:\d\d", "*")),
    ];

    public bool AppliesTo(string place) => Regex.IsMatch(place, Where, RegexOptions.CultureInvariant);

    /// <summary>What of a body has to be equal.</summary>
    public static JsonNode Reduce(string place, JsonNode body) =>
        All.Where(t => t.AppliesTo(place)).Aggregate(body.DeepClone(), (done, t) => t.Normalize(done));

    private static JsonNode Each(JsonNode node, Func<JsonObject, string, bool> which, Action<JsonObject, string> change)
    {
        switch (node)
        {
            case JsonObject found:
                foreach (var (name, value) in found.ToList())
                {
                    if (which(found, name))
                    {
                        change(found, name);
                    }
                    else if (value is not null)
                    {
                        Each(value, which, change);
                    }
                }

                break;
            case JsonArray array:
                foreach (var item in array.OfType<JsonNode>().ToList())
                {
                    Each(item, which, change);
                }

                break;
        }

        return node;
    }

    private static JsonNode Texts(JsonNode node, string field, string pattern, string with) =>
        Each(
            node,
            (o, name) => name == field && o[name] is JsonValue,
            (o, name) => o[name] = Regex.Replace((string)o[name]!, pattern, with, RegexOptions.CultureInvariant | RegexOptions.Singleline)
        );

    private static JsonNode Text(JsonNode node, string pattern, string with) =>
        node is JsonValue value && value.TryGetValue<string>(out var text)
            ? Regex.Replace(text, pattern, with, RegexOptions.CultureInvariant | RegexOptions.Multiline)
            : node;

    private static JsonNode SortConditions(JsonNode node) =>
        Each(
            node,
            (o, name) => name == "conditions" && o[name] is JsonArray,
            (o, name) =>
                o[name] = Json.Array(o[name]!.AsArray().Select(c => c!.DeepClone()).OrderBy(c => c.Text("type"), StringComparer.Ordinal))
        );

    private static JsonNode PickPod(JsonNode node)
    {
        foreach (var pod in Pods(node))
        {
            pod["spec"] = Pick(pod["spec"], PodFields);
            pod["status"] = Pick(pod["status"], PodStatusFields);
            foreach (var list in new[] { "containers", "initContainers" }.Where(l => pod.At("spec", l) is not null))
            {
                pod["spec"]![list] = Json.Array(pod.Items("spec", list).Select(c => Pick(c, ContainerFields)));
            }

            foreach (var list in new[] { "containerStatuses", "initContainerStatuses" }.Where(l => pod.At("status", l) is not null))
            {
                pod["status"]![list] = Json.Array(pod.Items("status", list).Select(c => Pick(c, StatusFields)));
            }

            Each(pod, (_, name) => name is "containerID" or "observedGeneration", (o, name) => o.Remove(name));
        }

        return node;
    }

    private static IEnumerable<JsonObject> Pods(JsonNode node) =>
        node switch
        {
            JsonObject o when o.Text("kind") == "Pod" && o["spec"] is not null => [o],
            JsonObject o when o.Text("kind") == "PodList" => o.Items("items"),
            JsonObject o when o["object"] is JsonObject inner => Pods(inner),
            _ => [],
        };

    private static JsonNode Events(JsonNode node)
    {
        node["items"] = Json.Array(
            node.Items("items")
                .Where(e => e.Text("reason") != "MissingClusterDNS")
                .Select(e =>
                {
                    var kept = Pick(e, EventFields);
                    kept["involvedObject"] = Pick(kept["involvedObject"], InvolvedFields);
                    return kept;
                })
        );
        return node;
    }

    private static JsonObject Pick(JsonNode? node, string[] fields) =>
        new((node as JsonObject ?? []).Where(f => fields.Contains(f.Key)).Select(f => KeyValuePair.Create(f.Key, f.Value?.DeepClone())));
}
