using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>What the recorded cluster chose and the fake one chose otherwise: uids, versions, generated names, page tokens.</summary>
internal sealed class Identities
{
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _versions = new(StringComparer.Ordinal);

    public bool Knows(string recorded) => _texts.ContainsKey(recorded);

    public void Learn(string recorded, string actual) => _texts.TryAdd(recorded, actual);

    /// <summary>From a recorded answer and the actual one to the same request.</summary>
    public void Learn(JsonNode? recorded, JsonNode? actual)
    {
        switch (recorded, actual)
        {
            case (JsonObject r, JsonObject a):
                foreach (var (name, value) in r)
                {
                    if (value is JsonValue && value.GetValueKind() == System.Text.Json.JsonValueKind.String && a.Text(name) is { } other)
                    {
                        LearnField(name, (string)value!, other, r.ContainsKey("generateName"));
                    }
                    else
                    {
                        Learn(value, a[name]);
                    }
                }

                break;
            case (JsonArray r, JsonArray a):
                foreach (var (left, right) in r.Zip(a))
                {
                    Learn(left, right);
                }

                break;
        }
    }

    /// <summary>The recorded text as the fake cluster would have it.</summary>
    public string Apply(string text) =>
        _texts.OrderByDescending(t => t.Key.Length).Aggregate(text, (done, t) => done.Replace(t.Key, t.Value, StringComparison.Ordinal));

    /// <summary>A body to send: with its object's version as it is here; one that is nobody's stays.</summary>
    public JsonNode? Apply(JsonNode? body)
    {
        if (body is null)
        {
            return null;
        }

        var mapped = JsonNode.Parse(Apply(body.ToJsonString()));
        if (mapped.Text("metadata", "resourceVersion") is { } version && _versions.TryGetValue(version, out var actual))
        {
            mapped!["metadata"]!["resourceVersion"] = actual;
        }

        return mapped;
    }

    public string Version(string recorded) => _versions.GetValueOrDefault(recorded, recorded);

    private void LearnField(string name, string recorded, string actual, bool isGenerated)
    {
        switch (name)
        {
            case "continue":
                // Each answer has its own.
                _texts[recorded] = actual;
                break;
            case "uid" when Guid.TryParse(recorded, out _):
            case "name" when isGenerated:
                Learn(recorded, actual);
                break;
            case "resourceVersion":
                _versions[recorded] = actual;
                break;
        }
    }
}
