using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>One file of a recorded case: a request with its answer, or a watch.</summary>
internal abstract record Recorded(string Case, string File)
{
    /// <summary>As tolerances name it.</summary>
    public string Place => $"{Case}/{File}";
}

internal sealed record RecordedRequest(string Case, string File, JsonObject Request, JsonObject Response) : Recorded(Case, File)
{
    public string Method => Request.Text("method")!;

    public string Path => Request.Text("path")!;

    public int Status => (int)Response.Number("status")!.Value;
}

internal sealed record RecordedWatch(string Case, string File, IReadOnlyList<JsonObject> Events) : Recorded(Case, File);

/// <summary>What was recorded from a real cluster, in order.</summary>
internal static class Recording
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Kubernetes/Data/transcripts");

    public static IEnumerable<string> Cases =>
        Directory.EnumerateDirectories(Folder).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal);

    public static List<Recorded> Read(string name) =>
        [
            .. Directory
                .EnumerateFiles(Path.Combine(Folder, name))
                .Order(StringComparer.Ordinal)
                .Select(f => Read(name, f))
                .OrderBy(Number)
                .ThenBy(r => r.File, StringComparer.Ordinal),
        ];

    /// <summary>Every object that a case shows, however deep.</summary>
    public static IEnumerable<JsonObject> Objects(IEnumerable<Recorded> all) =>
        all.SelectMany(r =>
            r switch
            {
                RecordedWatch watch => watch.Events.Select(e => e["object"]).OfType<JsonObject>(),
                RecordedRequest { Response: var response } => response["body"] is JsonObject body ? body.Items("items").Append(body) : [],
                _ => [],
            }
        );

    private static Recorded Read(string name, string path)
    {
        var file = Path.GetFileName(path);
        if (file.EndsWith(".ndjson", StringComparison.Ordinal))
        {
            return new RecordedWatch(
                name,
                file,
                [.. File.ReadLines(path).Where(l => l.Length > 0).Select(l => JsonNode.Parse(l)!.AsObject())]
            );
        }

        var whole = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        return new RecordedRequest(name, file, Complete(whole["request"]!.AsObject(), file), whole["response"]!.AsObject());
    }

    private static int Number(Recorded recorded) => int.Parse(recorded.File.Split('-')[0], CultureInfo.InvariantCulture);

    /// <summary>Of bodies too big to keep there is a note only.</summary>
    private static JsonObject Complete(JsonObject request, string file)
    {
        if (request.Text("method") is not null)
        {
            return request;
        }

        var size = file.Contains("body-too-large", StringComparison.Ordinal) ? 4 * 1024 * 1024 : (1024 * 1024) + 1;
        return new()
        {
            ["method"] = "POST",
            ["path"] = "/api/v1/namespaces/ci/secrets",
            ["headers"] = new JsonObject { ["Accept"] = "application/json", ["Content-Type"] = "application/json" },
            ["body"] = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Secret",
                ["metadata"] = new JsonObject { ["name"] = "big" },
                ["data"] = new JsonObject { ["a"] = Convert.ToBase64String(new byte[size]) },
            },
        };
    }
}
