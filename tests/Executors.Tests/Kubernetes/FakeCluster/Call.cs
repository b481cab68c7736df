using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>One request to the API, parsed.</summary>
internal sealed record Call(HttpContext Context, Kind Kind, string? Namespace, string? Name, string? Subresource)
{
    private const string Served = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

    public string Verb =>
        Context.Request.Method switch
        {
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => Name is null ? "deletecollection" : "delete",
            _ => IsWatch ? "watch"
            : Name is null ? "list"
            : "get",
        };

    public bool IsWatch => Context.Request.Method == "GET" && Name is null && Query("watch") is "true" or "1";

    public string? Query(string name) => Context.Request.Query[name] is { Count: > 0 } values ? (string?)values[0] : null;

    public Selector Selector => new(Kind, Query("labelSelector"), Query("fieldSelector"));

    /// <summary>Parses a path under <c>/api</c> and <c>/apis</c>; refused when it does not exist.</summary>
    public static Call Parse(HttpContext context)
    {
        var parts = context.Request.Path.Value!.Trim('/').Split('/');
        var (group, rest) = parts switch
        {
            ["api", "v1", .. var r] => ("", r),
            ["apis", var g, "v1", .. var r] => (g, r),
            _ => throw Refusal.NoSuchPath(),
        };
        string? ns = null;
        if (rest is ["namespaces", var named, _, ..])
        {
            (ns, rest) = (named, rest[2..]);
        }

        var kind = rest is [var plural, ..] ? Kind.All.FirstOrDefault(k => k.Plural == plural && k.Group == group) : null;
        if (kind is null || rest.Length > 3 || (ns is not null && !kind.HasNamespace))
        {
            throw Refusal.NoSuchPath();
        }

        return new(context, kind, ns, rest.ElementAtOrDefault(1), rest.ElementAtOrDefault(2));
    }

    /// <summary>Responses are JSON: other <c>Accept</c> headers are refused, by logs with another message.</summary>
    public void CheckAccept()
    {
        var accept = (string?)Context.Request.Headers.Accept ?? "";
        if (accept.Length == 0 || accept.Contains("json", StringComparison.Ordinal) || accept.Contains("*/*", StringComparison.Ordinal))
        {
            return;
        }

        throw Subresource == "log"
            ? new(406, "NotAcceptable", $"only the following media types are accepted: {Served}")
            : new Refusal(
                406,
                "NotAcceptable",
                $"406: Not Acceptable\n\nAvailable representations: {Served}, application/json;stream=watch, "
                    + "application/vnd.kubernetes.protobuf;stream=watch",
                []
            );
    }

    /// <summary>The body as text, when its type is one of those that are <paramref name="accepted"/>.</summary>
    public async Task<string> ReadAsync(params string[] accepted)
    {
        var type = (Context.Request.ContentType ?? "application/json").Split(';')[0];
        if (type == Protobuf.MediaType && Kind.Name == "Namespace" && Context.Request.Method == "POST")
        {
            using var binary = new MemoryStream();
            await Context.Request.Body.CopyToAsync(binary);
            return Protobuf.Namespace(binary.GetBuffer().AsSpan(0, (int)binary.Length))
                ?? throw Refusal.BadRequest("the object provided is unrecognized");
        }

        if (!accepted.Contains(type))
        {
            throw Context.Request.Method == "PATCH"
                ? new(415, "UnsupportedMediaType", "415: Unsupported Media Type", [])
                : new Refusal(
                    415,
                    "UnsupportedMediaType",
                    $"the body of the request was in an unknown format - accepted media types include: {Served}"
                );
        }

        using var memory = new MemoryStream();
        await Context.Request.Body.CopyToAsync(memory);
        return memory.Length > Decoding.LongestBody
            ? throw new Refusal(
                413,
                "RequestEntityTooLarge",
                string.Create(CultureInfo.InvariantCulture, $"Request entity too large: limit is {Decoding.LongestBody}")
            )
            : Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length);
    }

    public async Task<JsonObject> ReadOptionsAsync() =>
        Context.Request.ContentLength > 0 && await ReadAsync("application/json") is { Length: > 0 } body
            ? JsonNode.Parse(body)!.AsObject()
            : [];

    public void Warn(string text) =>
        Context.Response.Headers.Append(
            "Warning",
            $"299 - \"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\""
        );

    public async Task WriteAsync(int code, JsonObject body)
    {
        Context.Response.StatusCode = code;
        Context.Response.ContentType = "application/json";
        await Context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(body.ToJsonString()));
    }
}
