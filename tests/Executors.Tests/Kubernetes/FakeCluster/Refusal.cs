using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A refusal of the API server: a <c>Status</c> and its HTTP status code.</summary>
internal sealed class Refusal(int code, string? reason, string message, JsonObject? details = null) : Exception(message)
{
    public int Code => code;

    public string? Reason => reason;

    /// <summary><c>Retry-After</c>, in seconds.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The token with which an expired list can be continued.</summary>
    public string? Continue { get; init; }

    public JsonObject Body
    {
        get
        {
            var body = new JsonObject
            {
                ["kind"] = "Status",
                ["apiVersion"] = "v1",
                ["metadata"] = Continue is null ? [] : new JsonObject { ["continue"] = Continue },
                ["status"] = "Failure",
                ["message"] = Message,
            };
            if (reason is not null)
            {
                body["reason"] = reason;
            }

            if (details is not null)
            {
                body["details"] = details.DeepClone();
            }

            body["code"] = code;
            return body;
        }
    }

    public static Refusal NotFound(Kind kind, string name) =>
        new(404, "NotFound", $"{kind.Qualified} \"{name}\" not found", kind.Details(name));

    public static Refusal NoSuchPath() => new(404, "NotFound", "the server could not find the requested resource", []);

    public static Refusal BadRequest(string message) => new(400, "BadRequest", message);

    public static Refusal Undecodable(Kind kind, string message) =>
        BadRequest($"{kind.Name} in version \"{kind.Version}\" cannot be handled as a {kind.Name}: {message}");

    public static Refusal Exists(Kind kind, string name, bool deleting) =>
        new(
            409,
            "AlreadyExists",
            $"{(deleting ? "object is being deleted: " : "")}{kind.Qualified} \"{name}\" already exists",
            kind.Details(name)
        );

    public static Refusal Stale(Kind kind, string name) =>
        new(
            409,
            "Conflict",
            $"Operation cannot be fulfilled on {kind.Qualified} \"{name}\": the object has been modified; please apply your "
                + "changes to the latest version and try again",
            kind.Details(name)
        );

    public static Refusal Forbidden(Kind kind, string? name, string why, params JsonObject[] causes)
    {
        var details = kind.Details(name);
        if (causes.Length > 0)
        {
            details["causes"] = Json.Array(causes);
        }

        return new(403, "Forbidden", $"{kind.Qualified}{(name is null ? "" : $" \"{name}\"")} is forbidden: {why}", details);
    }

    /// <summary>Invalid fields; the message names each error once.</summary>
    public static Refusal Invalid(string what, JsonObject details, IReadOnlyList<Fault> faults)
    {
        var sentences = faults.Select(f => $"{f.Field}: {f.Message}").Distinct(StringComparer.Ordinal).ToList();
        details["causes"] = Json.Array(
            faults.Select(f => new JsonObject
            {
                ["reason"] = f.Reason,
                ["message"] = f.Message,
                ["field"] = f.Field,
            })
        );
        return new(
            422,
            "Invalid",
            $"{what} is invalid: {(sentences.Count == 1 ? sentences[0] : $"[{string.Join(", ", sentences)}]")}",
            details
        );
    }
}

/// <summary>What is wrong with a field.</summary>
internal sealed record Fault(string Field, string Reason, string Message)
{
    public static Fault Required(string field, string more = "") =>
        new(field, "FieldValueRequired", more.Length == 0 ? "Required value" : $"Required value: {more}");

    public static Fault Invalid(string field, string value, string why) =>
        new(field, "FieldValueInvalid", $"Invalid value: {value}: {why}");
}
