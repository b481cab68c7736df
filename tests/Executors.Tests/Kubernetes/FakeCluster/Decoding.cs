using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Decodes a request's body like the API server: the client's models define the fields and their types.
/// </summary>
internal static partial class Decoding
{
    public const int LongestBody = 3 * 1024 * 1024;
    private static readonly System.Buffers.SearchValues<char> Base64 = System.Buffers.SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
    );
    private static readonly string[] FractionalTimes = ["acquireTime", "renewTime"];

    /// <summary>The object; unknown fields go to <paramref name="unknown"/> and are dropped.</summary>
    public static JsonObject Read(Kind kind, string body, List<string> unknown)
    {
        JsonObject found;
        try
        {
            found = JsonNode.Parse(body)?.AsObject() ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw Refusal.BadRequest(
                $"the object provided is unrecognized (must be of type {kind.Name}): couldn't get version/kind; json parse "
                    + $"error: unexpected end of JSON input ({(body.Length == 0 ? "<empty>" : body)})"
            );
        }

        // The client omits what the path says.
        var (version, name) = (found.Text("apiVersion") ?? kind.ApiVersion, found.Text("kind") ?? kind.Name);
        if (name != kind.Name || version != kind.ApiVersion)
        {
            throw Refusal.BadRequest(
                $"{name} in version \"{version.Split('/')[^1]}\" cannot be handled as a {kind.Name}: converting "
                    + $"({version.Split('/')[^1]}.{name}) to ({(kind.Group.Length == 0 ? "core" : kind.Group)}.{kind.Name}): "
                    + "unknown conversion"
            );
        }

        Walk(kind, found, kind.Model, "", "", unknown);
        Json.DropNulls(found);
        (found["apiVersion"], found["kind"]) = (kind.ApiVersion, kind.Name);
        return found;
    }

    private static void Walk(Kind kind, JsonNode? node, Type type, string path, string field, List<string> unknown)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (node is null || type == typeof(object) || type == typeof(IntOrString))
        {
            return;
        }

        if (type == typeof(ResourceQuantity))
        {
            if (node is not JsonValue || !Quantity().IsMatch(node.ToString()))
            {
                throw Refusal.Undecodable(
                    kind,
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                );
            }
        }
        else if (type == typeof(byte[]))
        {
            CheckBase64(kind, (string)node!);
        }
        else if (type == typeof(DateTime))
        {
            node.ReplaceWith(CheckTime(kind, (string)node!, path.Split('.')[^1]));
        }
        else if (type == typeof(string) || type == typeof(int) || type == typeof(long) || type == typeof(bool) || type == typeof(double))
        {
            CheckSimple(kind, node, type, path, field);
        }
        else if (Dictionary(type) is { } value)
        {
            foreach (var (key, item) in node.AsObject().ToList())
            {
                Walk(kind, item, value, $"{path}.{key}".TrimStart('.'), field, unknown);
            }
        }
        else if (List(type) is { } element)
        {
            foreach (var (index, item) in node.AsArray().ToList().Index())
            {
                Walk(kind, item, element, string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]"), field, unknown);
            }
        }
        else
        {
            WalkFields(kind, node.AsObject(), type, path, unknown);
        }
    }

    private static void WalkFields(Kind kind, JsonObject node, Type type, string path, List<string> unknown)
    {
        var fields = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(p => (Property: p, Name: p.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name))
            .Where(p => p.Name is not null)
            .ToDictionary(p => p.Name!, p => p.Property, StringComparer.Ordinal);
        foreach (var (name, item) in node.ToList())
        {
            var inner = $"{path}.{name}".TrimStart('.');
            if (fields.TryGetValue(name, out var property))
            {
                Walk(kind, item, property.PropertyType, inner, $"{type.Name["V1".Length..]}.{inner}", unknown);
            }
            else
            {
                unknown.Add(inner);
                node.Remove(name);
            }
        }
    }

    private static void CheckSimple(Kind kind, JsonNode node, Type type, string path, string field)
    {
        var (given, fits) = node.GetValueKind() switch
        {
            JsonValueKind.String => ("string", type == typeof(string)),
            JsonValueKind.Number => ("number", type == typeof(int) || type == typeof(long) || type == typeof(double)),
            JsonValueKind.True or JsonValueKind.False => ("bool", type == typeof(bool)),
            JsonValueKind.Array => ("array", false),
            _ => ("object", false),
        };
        if (!fits)
        {
            var wanted =
                type == typeof(int) ? "int32"
                : type == typeof(long) ? "int64"
                : type == typeof(double) ? "float64"
                : type == typeof(bool) ? "bool"
                : "string";
            throw Refusal.Undecodable(
                kind,
                $"json: cannot unmarshal {given} into Go struct field {(field.Length == 0 ? path : field)} of type {wanted}"
            );
        }
    }

    private static void CheckBase64(Kind kind, string text)
    {
        var wrong = text.AsSpan().IndexOfAnyExcept(Base64);
        if (wrong >= 0 || text.Length % 4 != 0)
        {
            throw Refusal.Undecodable(
                kind,
                string.Create(CultureInfo.InvariantCulture, $"illegal base64 data at input byte {(wrong < 0 ? text.Length : wrong)}")
            );
        }
    }

    /// <summary>A Lease's times need exactly six fractional digits, and are returned in UTC.</summary>
    private static JsonNode CheckTime(Kind kind, string text, string field)
    {
        if (!FractionalTimes.Contains(field))
        {
            return Json.Time(DateTimeOffset.Parse(text, CultureInfo.InvariantCulture).ToUniversalTime());
        }

        var match = TimeText().Match(text);
        var (fraction, rest) = (match.Groups["fraction"].Value, match.Groups["zone"].Value);
        if (fraction.Length != 7)
        {
            // The rest of the text from where it does not match the layout.
            var (left, layout) = fraction.Length < 7 ? (fraction + rest, ".000000") : (fraction[7..] + rest, "Z07:00");
            throw Refusal.Undecodable(
                kind,
                $"parsing time \"{text}\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"{left}\" as \"{layout}\""
            );
        }

        return DateTimeOffset
            .Parse(text, CultureInfo.InvariantCulture)
            .ToUniversalTime()
            .ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);
    }

    private static Type? Dictionary(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IDictionary<,>) ? type.GenericTypeArguments[1] : null;

    private static Type? List(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>) ? type.GenericTypeArguments[0] : null;

    [GeneratedRegex("^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")]
    private static partial Regex Quantity();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?<fraction>\.\d+)?(?<zone>Z|[+-]\d\d:\d\d)$")]
    private static partial Regex TimeText();
}
