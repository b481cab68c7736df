using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Selects objects of a list or a watch by labels and fields.</summary>
internal sealed class Selector
{
    private static readonly string[] Common = ["metadata.name", "metadata.namespace"];
    private static readonly Dictionary<string, string[]> Fields = new(StringComparer.Ordinal)
    {
        ["Job"] = ["status.successful"],
        ["Pod"] = ["spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"],
        ["Event"] =
        [
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.fieldPath",
            "reason",
            "type",
        ],
        ["Secret"] = ["type"],
    };

    private readonly List<Func<JsonObject, bool>> _all = [];

    public Selector(Kind kind, string? labels, string? fields)
    {
        foreach (var requirement in Split(labels))
        {
            _all.Add(Label(requirement));
        }

        foreach (var requirement in Split(fields))
        {
            var different = requirement.Contains("!=", StringComparison.Ordinal);
            var parts = requirement.Split(
                different ? "!="
                    : requirement.Contains("==", StringComparison.Ordinal) ? "=="
                    : "=",
                2
            );
            if (!Common.Contains(parts[0]) && !Fields.GetValueOrDefault(kind.Name, []).Contains(parts[0]))
            {
                throw Refusal.BadRequest($"field label \"{parts[0]}\" not supported for {kind.Name}");
            }

            var path = parts[0].Split('.');
            _all.Add(o => ((o.Text(path) ?? "") == parts[1]) != different);
        }
    }

    public bool Matches(JsonObject found) => _all.All(m => m(found));

    private static Func<JsonObject, bool> Label(string requirement)
    {
        foreach (var comparison in new[] { "!=", "==", "=" })
        {
            var at = requirement.IndexOf(comparison, StringComparison.Ordinal);
            if (at == 0)
            {
                throw Refusal.BadRequest($"found '{comparison}', expected: !, identifier, or 'end of string'");
            }

            if (at > 0)
            {
                var (key, value) = (requirement[..at], requirement[(at + comparison.Length)..]);
                return o => (o.Text("metadata", "labels", key) == value) == (comparison != "!=");
            }
        }

        return requirement.StartsWith('!')
            ? o => o.Text("metadata", "labels", requirement[1..]) is null
            : o => o.Text("metadata", "labels", requirement) is not null;
    }

    private static string[] Split(string? text) =>
        (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
