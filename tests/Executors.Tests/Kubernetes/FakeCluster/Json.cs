using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Reading of API objects, and the API's format of times.</summary>
internal static class Json
{
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            node = (node as JsonObject)?[name];
        }

        return node;
    }

    public static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    public static long? Number(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue<long>(out var number) ? number
        : node.At(path) is JsonValue made && made.TryGetValue<int>(out var small) ? small
        : null;

    public static IEnumerable<JsonObject> Items(this JsonNode? node, params ReadOnlySpan<string> path) =>
        (node.At(path) as JsonArray ?? []).OfType<JsonObject>();

    public static JsonObject Copy(this JsonObject found) => found.DeepClone().AsObject();

    public static JsonObject Meta(this JsonObject found) => found["metadata"]!.AsObject();

    public static string Name(this JsonObject found) => found.Text("metadata", "name")!;

    public static bool IsDeleting(this JsonObject found) => found.At("metadata", "deletionTimestamp") is not null;

    public static IReadOnlyList<string> Finalizers(this JsonObject found) =>
        [.. (found.At("metadata", "finalizers") as JsonArray ?? []).Select(f => (string)f!)];

    public static void SetFinalizers(this JsonObject found, IEnumerable<string> all)
    {
        var array = new JsonArray([.. all.Select(f => (JsonNode)f)]);
        if (array.Count == 0)
        {
            found.Meta().Remove("finalizers");
        }
        else
        {
            found.Meta()["finalizers"] = array;
        }
    }

    public static JsonArray Array(IEnumerable<JsonNode> items) => new([.. items]);

    public static string Time(DateTimeOffset time) => time.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    public static DateTimeOffset? Time(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.Text(path) is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>Without nulls, as <c>omitempty</c> fields are serialized.</summary>
    public static void DropNulls(JsonNode? node)
    {
        if (node is JsonObject found)
        {
            foreach (var (name, value) in found.ToList())
            {
                if (value is null)
                {
                    found.Remove(name);
                }
                else
                {
                    DropNulls(value);
                }
            }
        }
        else if (node is JsonArray array)
        {
            foreach (var item in array)
            {
                DropNulls(item);
            }
        }
    }
}
