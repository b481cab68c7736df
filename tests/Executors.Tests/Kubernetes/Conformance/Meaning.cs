using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// What two bodies have to have in common, as text: all but the tolerated, in an order of fields that is always the same.
/// </summary>
internal static class Meaning
{
    private static readonly JsonSerializerOptions Readable = new(JsonSerializerOptions.Default)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Of(string place, JsonNode body) => Text(Tolerance.Reduce(place, body));

    private static string Text(JsonNode? node) =>
        node switch
        {
            JsonObject o =>
                $"{{{string.Join(',', o.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"\"{p.Key}\":{Text(p.Value)}"))}}}",
            JsonArray a => $"[{string.Join(',', a.Select(Text))}]",
            null => "null",
            _ => node.ToJsonString(Readable),
        };
}
