using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace Shipinator.Testing.Forges;

/// <summary>
/// A webhook that a real forge sent, or one of GitHub's own examples, with the outcome that is expected of it. The files are in
/// <c>Data</c>; a project that uses them copies them to its output.
/// </summary>
/// <param name="Name">Where it is from: <c>20-webhook-push/01-one-commit/01-ci-push</c>, <c>api.github.com/push/0</c>.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Headers">The headers as sent.</param>
/// <param name="Body">The body as sent.</param>
/// <param name="Secret">The secret of the webhook; null or empty when it had none.</param>
/// <param name="IsSigned">Whether the signature is valid for the secret.</param>
/// <param name="Outcome">
/// What it reports: <c>push REF BEFORE AFTER</c>, <c>ping</c>, <c>pull_request ACTION NUMBER HEAD BRANCH REPOSITORY BASE</c>,
/// <c>ignored</c>, or <c>refused</c> when it can't be parsed. Commits are their first ten digits, <c>-</c> is null.
/// </param>
internal sealed record RecordedDelivery(
    string Name,
    string Method,
    IReadOnlyDictionary<string, string> Headers,
    byte[] Body,
    string? Secret,
    bool IsSigned,
    string Outcome
)
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Data");

    /// <summary>The deliveries that Gitea 1.16 sent.</summary>
    public static IReadOnlyList<RecordedDelivery> OfGitea { get; } = ReadGitea();

    /// <summary>GitHub's examples (npm package @octokit/webhooks-examples, MIT), unsigned.</summary>
    public static IReadOnlyList<RecordedDelivery> OfGitHub { get; } = ReadGitHub();

    private static List<RecordedDelivery> ReadGitea()
    {
        var expected = File.ReadLines(Path.Combine(Folder, "gitea-deliveries.tsv")).Select(l => l.Split('\t')).ToDictionary(p => p[0]);
        return
        [
            .. Lines("gitea-deliveries.jsonl.gz")
                .Select(l => new RecordedDelivery(
                    l.GetProperty("name").GetString()!,
                    l.GetProperty("method").GetString()!,
                    l.GetProperty("headers").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!),
                    Encoding.UTF8.GetBytes(l.GetProperty("body").GetString()!),
                    l.GetProperty("secret").GetString(),
                    expected[l.GetProperty("name").GetString()!][1] == "signed",
                    expected[l.GetProperty("name").GetString()!][2]
                )),
        ];
    }

    private static List<RecordedDelivery> ReadGitHub()
    {
        var expected = File.ReadLines(Path.Combine(Folder, "github-examples.tsv")).Select(l => l.Split('\t')).ToDictionary(p => p[0]);
        return
        [
            .. Lines("github-examples.jsonl.gz")
                .Select(l => new RecordedDelivery(
                    l.GetProperty("name").GetString()!,
                    "POST",
                    new Dictionary<string, string>
                    {
                        ["Content-Type"] = "application/json",
                        ["X-GitHub-Event"] = l.GetProperty("event").GetString()!,
                        ["X-GitHub-Delivery"] = "72d3162e-cc78-11e3-81ab-4c9367dc0958",
                    },
                    Encoding.UTF8.GetBytes(l.GetProperty("body").GetString()!),
                    null,
                    false,
                    expected[l.GetProperty("name").GetString()!][1]
                )),
        ];
    }

    private static IEnumerable<JsonElement> Lines(string file)
    {
        using var stream = new GZipStream(File.OpenRead(Path.Combine(Folder, file)), CompressionMode.Decompress);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            using var document = JsonDocument.Parse(line);
            yield return document.RootElement.Clone();
        }
    }
}
