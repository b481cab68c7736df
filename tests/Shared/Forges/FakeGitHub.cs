using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Shipinator.Testing.Forges;

/// <summary>The REST subset of a GitHub Enterprise Server (<c>/api/v3</c>), as GitHub documents it.</summary>
internal sealed class FakeGitHub : FakeForge
{
    private const int MostStatuses = 1000;
    private long _remaining = 5000;

    private FakeGitHub(string? gitRoot)
        : base(gitRoot) { }

    /// <summary>The requests that are left until the rate is limited; conditional ones that find nothing new are free.</summary>
    public long Remaining
    {
        get => Interlocked.Read(ref _remaining);
        set => Interlocked.Exchange(ref _remaining, value);
    }

    /// <summary>When the rate is reset.</summary>
    public DateTimeOffset Reset { get; set; }

    protected override string ApiPath => "/api/v3/";

    /// <summary>Starts it. With a folder of bare repositories, it also serves clones.</summary>
    public static async Task<FakeGitHub> StartAsync(string? gitRoot = null)
    {
        var forge = new FakeGitHub(gitRoot);
        await forge.ListenAsync();
        return forge;
    }

    protected override IEnumerable<(string Name, string Value)> DeliveryHeaders(string eventName, string id, string? secret, byte[] body)
    {
        yield return ("X-GitHub-Delivery", id);
        yield return ("X-GitHub-Event", eventName);
        if (!string.IsNullOrEmpty(secret))
        {
            var hex = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));
            yield return ("X-Hub-Signature-256", "sha256=" + hex);
        }
    }

    protected override bool Wants(FakeHook hook, string eventName) => eventName == "ping" || base.Wants(hook, eventName);

    protected override async Task<FakeResponse> RespondAsync(FakeCall call, string[] parts)
    {
        var user = UserOf(call.Authorization, StringComparison.OrdinalIgnoreCase);
        if (user is null && call.Authorization.Length > 0)
        {
            return Problem(401, "Bad credentials");
        }

        if (Remaining <= 0)
        {
            var limited = Problem(403, "API rate limit exceeded for user ID 1.");
            limited.Headers["x-ratelimit-remaining"] = "0";
            limited.Headers["x-ratelimit-reset"] = Reset.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            return limited;
        }

        var response = await RouteAsync(call, parts, user);
        var etag =
            response is { Status: 200, Json: { } json } && call.Method == "GET"
                ? $"\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json.ToJsonString())))}\""
                : null;
        if (etag is not null && call.Request.Headers.IfNoneMatch == etag)
        {
            response = new(304);
        }
        else
        {
            Interlocked.Decrement(ref _remaining);
        }

        if (etag is not null)
        {
            response.Headers["ETag"] = etag;
        }

        response.Headers["x-ratelimit-remaining"] = Remaining.ToString(CultureInfo.InvariantCulture);
        return response;
    }

    private async Task<FakeResponse> RouteAsync(FakeCall call, string[] parts, FakeUser? user)
    {
        switch (parts)
        {
            case ["user"]:
                return user is null ? Problem(401, "Requires authentication")
                    : user.ReadsUser ? new(200, new JsonObject { ["id"] = user.Id, ["login"] = user.Login })
                    : Problem(403, "Resource not accessible by integration");
            case ["repos", var owner, var name, .. var rest]:
                if (Renamed.TryGetValue($"{owner}/{name}", out var now))
                {
                    var to = call.Request.Path.Value!.Replace($"/{owner}/{name}", $"/{now}", StringComparison.Ordinal);
                    var status = call.Method == "GET" ? 301 : 307;
                    return new(status) { Headers = { ["Location"] = Origin + to + call.Request.QueryString } };
                }

                var repository = Find($"{owner}/{name}");
                var access =
                    repository is null ? FakeAccess.None
                    : user is not null ? user.AccessTo(repository)
                    : repository.IsPrivate ? FakeAccess.None
                    : FakeAccess.Read;
                return access == FakeAccess.None
                    ? Problem(404, "Not Found")
                    : await InRepositoryAsync(call, repository!, rest, user, access);
            default:
                return Problem(404, "Not Found");
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
            ("GET", []) => new(
                200,
                new JsonObject
                {
                    ["id"] = repository.Id,
                    ["full_name"] = repository.FullName,
                    ["private"] = repository.IsPrivate,
                }
            ),
            ("POST", ["statuses", var sha]) => Post(call, repository, sha, user, access),
            ("GET", ["pulls", var number, "files"]) => Files(call, repository, number),
            ("GET", ["compare", var range]) => Compare(repository, range),
            (_, ["hooks", .. var rest]) when access == FakeAccess.Admin => await HooksAsync(call, repository, rest),
            // Without the right, webhooks are not there.
            (_, ["hooks", ..]) => Problem(404, "Not Found"),
            _ => Problem(404, "Not Found"),
        };

    private static FakeResponse Post(FakeCall call, FakeRepository repository, string sha, FakeUser? user, FakeAccess access)
    {
        if (user is null || access < FakeAccess.Write)
        {
            return Problem(user is null ? 401 : 403, "Resource not accessible by personal access token");
        }

        if (call.Json is not { } json)
        {
            return Problem(400, "Problems parsing JSON");
        }

        if ((string?)json["state"] is not ("error" or "failure" or "pending" or "success"))
        {
            return Problem(422, "Validation Failed");
        }

        if (!repository.Commits.ContainsKey(sha))
        {
            return Problem(422, $"No commit found for SHA: {sha}");
        }

        var description = (string?)json["description"] ?? "";
        if (description.Length > 140)
        {
            return Problem(422, "Validation Failed");
        }

        var context = (string?)json["context"] ?? "default";
        if (
            repository.Statuses.Count(s => s.Commit == sha && s.Context.Equals(context, StringComparison.OrdinalIgnoreCase)) >= MostStatuses
        )
        {
            return Problem(
                422,
                "Validation Failed",
                new JsonObject { ["message"] = "This SHA and context has reached the maximum number of statuses." }
            );
        }

        repository.Post(new(sha, (string)json["state"]!, context, description, (string?)json["target_url"] ?? "", user.Login));
        return new(201, new JsonObject { ["state"] = (string?)json["state"], ["context"] = context });
    }

    private async Task<FakeResponse> HooksAsync(FakeCall call, FakeRepository repository, string[] parts)
    {
        var hook = parts.Length > 0 && long.TryParse(parts[0], out var id) ? repository.Hooks.FirstOrDefault(h => h.Id == id) : null;
        switch (call.Method, parts.Length)
        {
            case ("GET", 0):
                return Page(call, [.. repository.Hooks.Select(Shown)], int.MaxValue);
            case ("POST", 0):
                return Create(call, repository);
            case (_, > 0) when hook is null:
                return Problem(404, "Not Found");
            case ("PATCH", 1):
                return Edit(call, repository, hook!);
            case ("DELETE", 1):
                repository.RemoveHook(hook!.Id);
                return new(204);
            case ("POST", 2) when parts[1] == "pings":
                await SendAsync(
                    hook!,
                    "ping",
                    new JsonObject
                    {
                        ["zen"] = "Speak like a human.",
                        ["hook_id"] = hook!.Id,
                        ["repository"] = new JsonObject { ["id"] = repository.Id, ["full_name"] = repository.FullName },
                    }.ToJsonString()
                );
                return new(204);
            default:
                return Problem(404, "Not Found");
        }
    }

    private FakeResponse Create(FakeCall call, FakeRepository repository)
    {
        if (call.Json is not { } json)
        {
            return Problem(400, "Problems parsing JSON");
        }

        if (json["config"] is not JsonObject config || (string?)config["url"] is not { Length: > 0 } url)
        {
            return Problem(422, "Validation Failed");
        }

        var events = (json["events"] as JsonArray)?.Select(e => (string)e!).ToList() ?? ["push"];
        if (repository.Hooks.Any(h => h.Url == url && h.Events.Intersect(events).Any()))
        {
            return Problem(422, "Validation Failed", new JsonObject { ["message"] = "Hook already exists on this repository" });
        }

        var hook = new FakeHook(
            NextId(),
            "Repository",
            url,
            (string?)config["content_type"] ?? "form",
            (string?)config["secret"],
            events,
            json["active"]?.GetValue<bool>() ?? true
        );
        repository.AddHook(hook);
        return new(201, Shown(hook));
    }

    private static FakeResponse Edit(FakeCall call, FakeRepository repository, FakeHook hook)
    {
        var json = call.Json ?? [];
        // The configuration is replaced as a whole: without a secret there is none any more.
        var edited = json["config"] is JsonObject config
            ? hook with
            {
                Url = (string?)config["url"] ?? hook.Url,
                ContentType = (string?)config["content_type"] ?? "form",
                Secret = (string?)config["secret"],
            }
            : hook;
        edited = edited with
        {
            Events = (json["events"] as JsonArray)?.Select(e => (string)e!).ToList() ?? edited.Events,
            Active = json["active"]?.GetValue<bool>() ?? edited.Active,
        };
        repository.ReplaceHook(edited);
        return new(200, Shown(edited));
    }

    private FakeResponse Files(FakeCall call, FakeRepository repository, string number) =>
        int.TryParse(number, out var found) && repository.Pulls.TryGetValue(found, out var pull)
            ? Page(
                call,
                [
                    .. pull.Files.Select(f =>
                    {
                        var file = new JsonObject { ["filename"] = f.Name, ["status"] = f.Former is null ? "modified" : "renamed" };
                        if (f.Former is not null)
                        {
                            file["previous_filename"] = f.Former;
                        }

                        return (JsonNode)file;
                    }),
                ],
                3000
            )
            : Problem(404, "Not Found");

    private static FakeResponse Compare(FakeRepository repository, string range) =>
        repository.Comparisons.TryGetValue(range, out var files)
            ? new(
                200,
                new JsonObject
                {
                    ["status"] = "ahead",
                    ["files"] = new JsonArray([.. files.Take(300).Select(f => new JsonObject { ["filename"] = f, ["status"] = "added" })]),
                }
            )
            : Problem(404, "Not Found");

    /// <summary>At most 100; the list itself ends after some items, without a sign.</summary>
    private FakeResponse Page(FakeCall call, JsonNode[] all, int most)
    {
        var listed = all.Take(most).ToArray();
        var size = Math.Clamp(call.Number("per_page", 30), 1, 100);
        var page = Math.Max(call.Number("page", 1), 1);
        var response = new FakeResponse(200, new JsonArray([.. listed.Skip((page - 1) * size).Take(size)]));
        if (page * size < listed.Length)
        {
            response.Headers["Link"] = FormattableString.Invariant(
                $"<{Origin}{call.Request.Path}?per_page={size}&page={page + 1}>; rel=\"next\""
            );
        }

        return response;
    }

    private static FakeResponse Problem(int status, string message, params JsonNode[] errors)
    {
        var json = new JsonObject { ["message"] = message, ["documentation_url"] = "https://docs.github.com/rest" };
        if (errors.Length > 0)
        {
            json["errors"] = new JsonArray(errors);
        }

        return new(status, json);
    }

    private static JsonObject Shown(FakeHook hook) =>
        new()
        {
            ["id"] = hook.Id,
            ["type"] = hook.Type,
            ["name"] = "web",
            ["active"] = hook.Active,
            ["events"] = new JsonArray([.. hook.Events.Select(e => (JsonNode?)e)]),
            ["config"] = new JsonObject
            {
                ["content_type"] = hook.ContentType,
                ["insecure_ssl"] = "0",
                ["url"] = hook.Url,
                ["secret"] = hook.Secret is null ? null : "********",
            },
        };
}
