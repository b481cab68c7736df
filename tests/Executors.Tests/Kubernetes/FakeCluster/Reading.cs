using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Lists in pages: each page of one list shows the same version of the whole.</summary>
internal sealed class Reading(Store store)
{
    public JsonObject List(Call call)
    {
        var selector = call.Selector;
        lock (store.Gate)
        {
            var (version, after) = From(call);
            var limit =
                int.TryParse(call.Query("limit"), NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n > 0 ? n : int.MaxValue;
            var all = store
                .List(call.Kind.Plural, call.Namespace, version)
                .Where(o => selector.Matches(o) && string.CompareOrdinal(o.Name(), after) > 0)
                .ToList();
            var meta = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) };
            if (all.Count > limit)
            {
                meta["continue"] = Token(version, all[limit - 1].Name());
                if (call.Query("labelSelector") is null && call.Query("fieldSelector") is null)
                {
                    meta["remainingItemCount"] = all.Count - limit;
                }
            }

            return Of(call.Kind, meta, all.Take(limit));
        }
    }

    /// <summary>Items of a list don't name their kind.</summary>
    public static JsonObject Of(Kind kind, JsonObject meta, IEnumerable<JsonObject> items) =>
        new()
        {
            ["kind"] = $"{kind.Name}List",
            ["apiVersion"] = kind.ApiVersion,
            ["metadata"] = meta,
            ["items"] = Json.Array(
                items.Select(i =>
                {
                    i.Remove("kind");
                    i.Remove("apiVersion");
                    return i;
                })
            ),
        };

    private (long Version, string After) From(Call call)
    {
        if (call.Query("continue") is { Length: > 0 } token)
        {
            var (version, after) = Parse(token);
            return version < 0 ? (store.Version, after)
                : version >= store.Oldest ? (version, after)
                : throw new Refusal(
                    410,
                    "Expired",
                    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
                        + "without the continue parameter, or use the continue token in this response to retrieve the remainder "
                        + "of the results. Continuing with the provided token results in an inconsistent list - objects "
                        + "that were created, modified, or deleted between the time the first chunk was returned and "
                        + "now may show up in the list."
                )
                {
                    Continue = Token(-1, after),
                };
        }

        if (call.Query("resourceVersion") is { Length: > 0 } wanted && wanted != "0")
        {
            var version = Version(wanted);
            if (version > store.Version)
            {
                throw TooLarge(version, store.Version);
            }

            if (call.Query("resourceVersionMatch") == "Exact")
            {
                return version >= store.Oldest
                    ? (version, "")
                    : throw new Refusal(410, "Expired", "The resourceVersion for the provided list is too old.");
            }
        }

        return (store.Version, "");
    }

    public static long Version(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? version
            : throw new Refusal(
                500,
                null,
                $"resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
            );

    private static Refusal TooLarge(long wanted, long current) =>
        new(
            504,
            "Timeout",
            string.Create(CultureInfo.InvariantCulture, $"Timeout: Too large resource version: {wanted}, current: {current}"),
            new()
            {
                ["causes"] = new JsonArray(
                    new JsonObject { ["reason"] = "ResourceVersionTooLarge", ["message"] = "Too large resource version" }
                ),
                ["retryAfterSeconds"] = 1,
            }
        )
        {
            RetryAfter = 1,
        };

    private static string Token(long version, string after) =>
        Convert
            .ToBase64String(
                Encoding.UTF8.GetBytes(
                    new JsonObject
                    {
                        ["v"] = "meta.k8s.io/v1",
                        ["rv"] = version,
                        ["start"] = $"{after}\0",
                    }.ToJsonString()
                )
            )
            .TrimEnd('=');

    private static (long Version, string After) Parse(string token)
    {
        try
        {
            var start = JsonNode.Parse(Convert.FromBase64String(token + new string('=', (4 - (token.Length % 4)) % 4)));
            return (start.Number("rv")!.Value, start.Text("start")!.TrimStart('/').TrimEnd('\0'));
        }
        catch (FormatException)
        {
            throw Refusal.BadRequest("continue key is not valid: encoding is not valid");
        }
    }
}
