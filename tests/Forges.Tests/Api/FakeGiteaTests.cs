using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Api;

/// <summary>
/// The fake Gitea gives the responses that a real one gave: to each recorded request about users, repositories, statuses and webhooks.
/// </summary>
public sealed class FakeGiteaTests
{
    private static readonly string[] Users = ["dock", "pier", "buoy", "gull", "captain"];
    private readonly Dictionary<long, long> _hooks = [];

    [Fact]
    public async Task Fake_RecordedRequests_GetTheRecordedResponses()
    {
        await using var fake = await StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
        var rows = Rows();
        Assert.Equal(152, rows.Count);
        foreach (var row in rows.Where(r => Name(r).StartsWith("08-", StringComparison.Ordinal) && Status(r) == 201))
        {
            var parts = row.GetProperty("path").GetString()!.Split('/');
            fake.Known[$"{parts[4]}/{parts[5]}"].Commits[Uri.UnescapeDataString(parts[7])] = 0;
        }

        var wrong = new List<string>();
        foreach (var row in rows.OrderBy(r => Name(r).StartsWith("02-repo/4", StringComparison.Ordinal)))
        {
            if (Name(row) == "02-repo/40-renamed-get")
            {
                fake.Forge.Rename("harbour/crane", "harbour/davit");
                fake.Forge.Rename("harbour/raft", "pier/raft");
            }

            using var response = await http.SendAsync(Request(fake.Forge, row));
            if (await DifferenceAsync(row, response) is { } difference)
            {
                wrong.Add($"{Name(row)}: {difference}");
            }
        }

        Assert.Empty(wrong);
    }

    private static async Task<Cast> StartAsync()
    {
        var forge = await FakeGitea.StartAsync();
        var known = new Dictionary<string, FakeRepository>();
        foreach (var name in new[] { "harbour/crane", "harbour/vault", "harbour/hull", "harbour/winch", "harbour/raft", "pier/crane" })
        {
            known[name] = forge.Add(name, isPrivate: name == "harbour/vault");
        }

        foreach (var login in Users)
        {
            foreach (var kind in new[] { "TOKEN", "PASSWORD" })
            {
                var user = forge.AddUser(login, $"{kind}_{login.ToUpperInvariant()}");
                foreach (var repository in known.Values.Where(_ => login is "dock" or "captain"))
                {
                    user.Grant(repository, FakeAccess.Admin);
                }

                var access = login switch
                {
                    "pier" => FakeAccess.Write,
                    "buoy" => FakeAccess.Read,
                    _ => FakeAccess.None,
                };
                if (access != FakeAccess.None)
                {
                    user.Grant(known["harbour/vault"], access);
                }
            }
        }

        return new(forge, known);
    }

    private HttpRequestMessage Request(FakeGitea forge, JsonElement row)
    {
        var path = row.GetProperty("path").GetString()!;
        var parts = path.Split('/');
        if (
            parts.Length > 7
            && parts[6] == "hooks"
            && long.TryParse(parts[7], out var recorded)
            && _hooks.TryGetValue(recorded, out var id)
        )
        {
            parts[7] = id.ToString(CultureInfo.InvariantCulture);
            path = string.Join('/', parts);
        }

        var request = new HttpRequestMessage(new(row.GetProperty("method").GetString()!), forge.Origin + path);
        if (row.TryGetProperty("authorization", out var authorization))
        {
            var text = authorization.GetString()!;
            const string basic = "Basic base64(";
            request.Headers.TryAddWithoutValidation(
                "Authorization",
                text.StartsWith(basic, StringComparison.Ordinal)
                    ? "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(text[basic.Length..^1]))
                    : text
            );
        }

        if (row.TryGetProperty("body", out var body))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.GetString()!));
            request.Content.Headers.ContentType = row.TryGetProperty("type", out var type)
                ? MediaTypeHeaderValue.Parse(type.GetString()!)
                : null;
        }

        return request;
    }

    private async Task<string?> DifferenceAsync(JsonElement row, HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        if ((int)response.StatusCode != Status(row))
        {
            return $"expected {Status(row)}, but was {(int)response.StatusCode} {text}";
        }

        var isJson = response.Content.Headers.ContentType?.MediaType == "application/json";
        if (isJson != row.GetProperty("is_json").GetBoolean())
        {
            return $"expected {(isJson ? "no " : "")}JSON, but was '{text}'";
        }

        if (row.TryGetProperty("total", out var total) && response.Headers.GetValues("X-Total-Count").Single() != total.GetString())
        {
            return $"expected a total of {total}, but was {response.Headers.GetValues("X-Total-Count").Single()}";
        }

        if (!row.TryGetProperty("answer", out var answer))
        {
            return null;
        }

        using var document = JsonDocument.Parse(text);
        foreach (var member in answer.EnumerateObject())
        {
            var found = document.RootElement.TryGetProperty(member.Name, out var value) ? value : default;
            if (member.Name == "id")
            {
                if (Name(row).StartsWith("09-", StringComparison.Ordinal) && !IsHook(member.Value.GetInt64(), found.GetInt64()))
                {
                    return $"expected webhook {member.Value}, but was {found}";
                }
            }
            else if (!JsonElement.DeepEquals(found, member.Value))
            {
                return $"expected {member.Name} {member.Value}, but was {found}";
            }
        }

        return null;
    }

    /// <summary>Whether an id stands for the recorded one; remembers it when it is new.</summary>
    private bool IsHook(long recorded, long found) => _hooks.TryAdd(recorded, found) || _hooks[recorded] == found;

    private static string Name(JsonElement row) => row.GetProperty("name").GetString()!;

    private static int Status(JsonElement row) => row.GetProperty("status").GetInt32();

    private static List<JsonElement> Rows()
    {
        using var stream = new GZipStream(
            File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Data", "gitea-rest.jsonl.gz")),
            CompressionMode.Decompress
        );
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var rows = new List<JsonElement>();
        while (reader.ReadLine() is { } line)
        {
            using var document = JsonDocument.Parse(line);
            rows.Add(document.RootElement.Clone());
        }

        return rows;
    }

    private sealed record Cast(FakeGitea Forge, Dictionary<string, FakeRepository> Known) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Forge.DisposeAsync();
    }
}
