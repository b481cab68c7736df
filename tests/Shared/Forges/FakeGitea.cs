using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shipinator.Testing.Forges;

/// <summary>
/// Gitea's REST subset, as recorded from 1.16 (<c>FakeGiteaTests</c> holds it against the recordings) or, with <see cref="IsNew"/>, as the
/// source of 1.26 says.
/// </summary>
internal sealed class FakeGitea : FakeForge
{
    private const string Swagger = "http://127.0.0.1:3999/api/swagger";

    private FakeGitea(string? gitRoot)
        : base(gitRoot) { }

    /// <summary>Whether it behaves like 1.26: wrong tokens are refused, statuses need write access, more routes.</summary>
    public bool IsNew { get; set; }

    /// <summary>Whether webhooks are of the kind <c>forgejo</c>, with its headers.</summary>
    public bool IsForgejo { get; set; }

    /// <summary>Whether webhooks are those of Gogs 0.13: its kinds, no pages, and 400 for what is no JSON.</summary>
    public bool IsGogs { get; set; }

    /// <summary>Events that this version does not know, and drops.</summary>
    public IReadOnlyCollection<string> UnknownEvents { get; set; } = [];

    private FakeGiteaHooks Hooks => new(this, NextId);

    protected override string ApiPath => "/api/v1/";

    /// <summary>Starts it. With a folder of bare repositories, it also serves clones.</summary>
    public static async Task<FakeGitea> StartAsync(string? gitRoot = null)
    {
        var forge = new FakeGitea(gitRoot);
        await forge.ListenAsync();
        return forge;
    }

    protected override IEnumerable<(string Name, string Value)> DeliveryHeaders(string eventName, string id, string? secret, byte[] body)
    {
        var hex = string.IsNullOrEmpty(secret) ? "" : Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));
        foreach (var family in IsForgejo ? new[] { "Forgejo", "Gitea", "Gogs" } : ["Gitea", "Gogs"])
        {
            yield return ($"X-{family}-Delivery", id);
            yield return ($"X-{family}-Event", eventName);
            yield return ($"X-{family}-Event-Type", eventName);
            yield return ($"X-{family}-Signature", hex);
        }

        yield return ("X-GitHub-Delivery", id);
        yield return ("X-GitHub-Event", eventName);
        yield return ("X-GitHub-Event-Type", eventName);
        yield return ("X-Hub-Signature-256", "sha256=" + hex);
    }

    protected override async Task<FakeResponse> RespondAsync(FakeCall call, string[] parts)
    {
        var user = UserOf(call.Authorization, IsNew ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
        if (IsNew && user is null && call.Authorization.Length > 0)
        {
            return Problem(401, "invalid username, password or token");
        }

        switch (parts)
        {
            case ["version"]:
                return call.Method == "GET"
                    ? new(200, new JsonObject { ["version"] = IsNew ? "1.26.0" : "1.16.0+dev-2b16ca7c77" })
                    : new(405);
            case ["user"]:
                return user is null ? Problem(401, "token is required")
                    : !user.ReadsUser ? Problem(403, "token does not have at least one of required scope(s): [read:user]")
                    : new(200, new JsonObject { ["id"] = user.Id, ["login"] = user.Login });
            case ["repos", var owner, var name, .. var rest]:
                if (Renamed.TryGetValue($"{owner}/{name}", out var now))
                {
                    var to = call.Request.Path.Value!.Replace($"/{owner}/{name}", $"/{now}", StringComparison.Ordinal);
                    return new(IsNew ? 301 : 302) { Headers = { ["Location"] = to + call.Request.QueryString } };
                }

                var repository = Find($"{owner}/{name}");
                var access =
                    repository is null ? FakeAccess.None
                    : user is not null ? user.AccessTo(repository)
                    : repository.IsPrivate ? FakeAccess.None
                    : FakeAccess.Read;
                return !HasOwner(owner) ? NotFound("GetUserByName")
                    : access == FakeAccess.None ? NotFound()
                    : await InRepositoryAsync(call, repository!, rest, user, access);
            default:
                return NoRoute();
        }
    }

    private async Task<FakeResponse> InRepositoryAsync(
        FakeCall call,
        FakeRepository repository,
        string[] parts,
        FakeUser? user,
        FakeAccess access
    ) =>
        (call.Method, parts) switch
        {
            ("GET", []) => new(200, Shown(repository, access)),
            ("POST", ["statuses", var sha]) => Post(call, repository, Uri.UnescapeDataString(sha), user, access),
            ("GET", ["statuses", var sha]) => Page(call, [.. repository.Statuses.Where(s => s.Commit == sha).Select(Shown)]),
            ("GET", ["git", "commits", var sha]) => repository.Commits.ContainsKey(sha)
                ? new(200, new JsonObject { ["sha"] = sha })
                : NotFound(),
            ("GET", ["pulls", var number]) => Pull(repository, number),
            ("GET", ["pulls", var number, "files"]) when IsNew => Files(call, repository, number),
            ("GET", ["compare", var range]) when IsNew => Compare(repository, range),
            (_, ["hooks", .. var rest]) => user is null ? Problem(401, "token is required")
            : access < FakeAccess.Admin ? Problem(403, "user should be an owner or a collaborator with admin write of a repository")
            : await HooksAsync(call, repository, rest),
            _ => NoRoute(),
        };

    private FakeResponse Post(FakeCall call, FakeRepository repository, string sha, FakeUser? user, FakeAccess access)
    {
        if (user is null)
        {
            return Problem(401, "token is required");
        }

        if (IsNew && access < FakeAccess.Write)
        {
            return Problem(403, "user should have a permission to write to a repo");
        }

        if (Unbound(call) is { } problem)
        {
            return problem;
        }

        if (call.Json!["description"] is { } description && description.GetValueKind() != JsonValueKind.String)
        {
            return Problem(422, "[]: json: cannot unmarshal number into Go struct field CreateStatusOption.Description of type string");
        }

        // Also for a repository without commits.
        if (!repository.Commits.ContainsKey(sha))
        {
            return Problem(500, "");
        }

        var json = call.Json!;
        var status = new FakeStatus(
            sha,
            Text(json, "state").Trim(),
            Text(json, "context").Trim(),
            Text(json, "description").Trim(),
            Text(json, "target_url").Trim(),
            user.Login
        );
        repository.Post(status);
        return new(201, Shown(status));
    }

    private async Task<FakeResponse> HooksAsync(FakeCall call, FakeRepository repository, string[] parts)
    {
        var id = parts.Length > 0 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        // An id that is no number reads as 0, which is no condition at all.
        var hook = parts.Length == 0 ? null : repository.Hooks.FirstOrDefault(h => id == 0 || h.Id == id);
        return (call.Method, parts.Length) switch
        {
            ("GET", 0) when IsGogs => new(200, new JsonArray([.. repository.Hooks.Select(FakeGiteaHooks.Shown)])),
            ("GET", 0) => Page(call, [.. repository.Hooks.Select(FakeGiteaHooks.Shown)]),
            ("POST", 0) => Hooks.Create(call, repository),
            (_, > 0) when hook is null => NotFound(),
            ("GET", 1) => new(200, FakeGiteaHooks.Shown(hook!)),
            ("DELETE", 1) => new(repository.RemoveHook(hook!.Id) ? 204 : 404),
            ("PATCH", 1) => Hooks.Edit(call, repository, hook!),
            ("POST", 2) when parts[1] == "tests" => await TestAsync(repository, hook!),
            _ => NoRoute(),
        };
    }

    private async Task<FakeResponse> TestAsync(FakeRepository repository, FakeHook hook)
    {
        if (repository.Commits.Keys.Order(StringComparer.Ordinal).FirstOrDefault() is not { } commit)
        {
            return new(200);
        }

        if (hook.Events.Contains("push"))
        {
            await SendAsync(
                hook,
                "push",
                new JsonObject
                {
                    ["ref"] = "refs/heads/main",
                    ["before"] = commit,
                    ["after"] = commit,
                    ["compare_url"] = "",
                    ["commits"] = new JsonArray(),
                    ["repository"] = new JsonObject { ["id"] = repository.Id, ["full_name"] = repository.FullName },
                    ["sender"] = new JsonObject { ["login"] = "dock" },
                }.ToJsonString()
            );
        }

        return new(204);
    }

    private static FakeResponse Pull(FakeRepository repository, string number) =>
        int.TryParse(number, out var found) && repository.Pulls.TryGetValue(found, out var pull)
            ? new(
                200,
                new JsonObject
                {
                    ["number"] = pull.Number,
                    ["base"] = new JsonObject { ["sha"] = pull.BaseCommit },
                    ["head"] = new JsonObject { ["sha"] = pull.HeadCommit },
                }
            )
            : NotFound();

    private FakeResponse Files(FakeCall call, FakeRepository repository, string number) =>
        int.TryParse(number, out var found) && repository.Pulls.TryGetValue(found, out var pull)
            ? Page(
                call,
                [
                    .. pull.Files.Select(f => new JsonObject
                    {
                        ["filename"] = f.Name,
                        ["previous_filename"] = f.Former ?? "",
                        ["status"] = f.Former is null ? "changed" : "renamed",
                    }),
                ]
            )
            : NotFound();

    private static FakeResponse Compare(FakeRepository repository, string range) =>
        repository.Comparisons.TryGetValue(range, out var files)
            ? new(
                200,
                new JsonObject
                {
                    ["total_commits"] = 1,
                    ["commits"] = new JsonArray(
                        new JsonObject { ["files"] = new JsonArray([.. files.Select(f => new JsonObject { ["filename"] = f })]) }
                    ),
                }
            )
            : NotFound();

    /// <summary>At most 50, however many are asked for; a page past the end is empty.</summary>
    private FakeResponse Page(FakeCall call, JsonNode[] all)
    {
        var asked = call.Number("limit", 30);
        var size = asked <= 0 ? 30 : Math.Min(asked, 50);
        var page = Math.Max(call.Number("page", 1), 1);
        var response = new FakeResponse(200, new JsonArray([.. all.Skip((page - 1) * size).Take(size)]));
        response.Headers["X-Total-Count"] = all.Length.ToString(CultureInfo.InvariantCulture);
        var last = (all.Length + size - 1) / size;
        if (page < last)
        {
            var url = Origin + call.Request.Path;
            response.Headers["Link"] = FormattableString.Invariant(
                $"<{url}?limit={asked}&page={page + 1}>; rel=\"next\",<{url}?limit={asked}&page={last}>; rel=\"last\""
            );
        }

        return response;
    }

    internal static FakeResponse? Unbound(FakeCall call) =>
        string.IsNullOrEmpty(call.Request.ContentType) ? Problem(422, "[]: Empty Content-Type")
        : call.Json is null ? Problem(422, "[]: not at beginning of value")
        : null;

    internal static FakeResponse Problem(int status, string message) =>
        new(status, new JsonObject { ["message"] = message, ["url"] = Swagger });

    private static FakeResponse NotFound(string message = "The target couldn't be found.") =>
        new(
            404,
            new JsonObject
            {
                ["errors"] = null,
                ["message"] = message,
                ["url"] = Swagger,
            }
        );

    private static FakeResponse NoRoute() => new(404, Text: "404 page not found\n");

    internal static string Text(JsonObject json, string name) => (string?)json[name] ?? "";

    private static JsonObject Shown(FakeRepository repository, FakeAccess access) =>
        new()
        {
            ["id"] = repository.Id,
            ["name"] = repository.FullName.Split('/')[1],
            ["full_name"] = repository.FullName,
            ["private"] = repository.IsPrivate,
            ["empty"] = repository.Commits.IsEmpty,
            ["default_branch"] = "main",
            ["permissions"] = new JsonObject
            {
                ["admin"] = access >= FakeAccess.Admin,
                ["push"] = access >= FakeAccess.Write,
                ["pull"] = access >= FakeAccess.Read,
            },
        };

    private static JsonObject Shown(FakeStatus status) =>
        new()
        {
            ["status"] = status.State,
            ["target_url"] = status.TargetUrl,
            ["description"] = status.Description,
            ["context"] = status.Context,
        };
}
