using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shipinator.Testing.Forges;

/// <summary>How Gitea creates and edits webhooks: which events it takes, and what it ignores.</summary>
internal sealed class FakeGiteaHooks(FakeGitea forge, Func<long> nextId)
{
    private static readonly string[] PullRequestEvents =
    [
        "pull_request",
        "pull_request_assign",
        "pull_request_label",
        "pull_request_milestone",
        "pull_request_comment",
        "pull_request_review_approved",
        "pull_request_review_rejected",
        "pull_request_review_comment",
        "pull_request_sync",
    ];

    private static readonly string[] KnownEvents =
    [
        "create",
        "delete",
        "fork",
        "push",
        "issues",
        "issue_assign",
        "issue_label",
        "issue_milestone",
        "issue_comment",
        .. PullRequestEvents,
        "repository",
        "release",
    ];

    public FakeResponse Create(FakeCall call, FakeRepository repository)
    {
        if (FakeGitea.Unbound(call) is { } problem)
        {
            return forge.IsGogs && call.Json is null ? new(400) : problem;
        }

        var json = call.Json!;
        var config = json["config"] as JsonObject;
        if (config is not null && config.Any(c => c.Value?.GetValueKind() != JsonValueKind.String))
        {
            return FakeGitea.Problem(422, "[]: json: cannot unmarshal number into Go struct field CreateHookOption.Config of type string");
        }

        var type = FakeGitea.Text(json, "type");
        if (type.Length == 0 || config is null)
        {
            return FakeGitea.Problem(422, type.Length == 0 ? "[Type]: Required" : "[Config]: Required");
        }

        if (
            FakeGitea.Text(json, "branch_filter") is var filter
            && filter.Contains('[', StringComparison.Ordinal)
            && !filter.Contains(']', StringComparison.Ordinal)
        )
        {
            return FakeGitea.Problem(422, "[BranchFilter]: unexpected end of input");
        }

        if (type != "gogs" && (forge.IsGogs || type != "gitea") && !(forge.IsForgejo && type == "forgejo"))
        {
            return FakeGitea.Problem(422, $"Invalid hook type: {type}");
        }

        if (config["url"] is null || config["content_type"] is null)
        {
            return FakeGitea.Problem(422, $"Missing config option: {(config["url"] is null ? "url" : "content_type")}");
        }

        if (FakeGitea.Text(config, "content_type") is not ("json" or "form"))
        {
            return FakeGitea.Problem(422, "Invalid content type");
        }

        var hook = new FakeHook(
            nextId(),
            type,
            FakeGitea.Text(config, "url"),
            FakeGitea.Text(config, "content_type"),
            FakeGitea.Text(config, "secret"),
            [.. Events(json).Except(forge.UnknownEvents)],
            json["active"]?.GetValue<bool>() ?? false
        );
        repository.AddHook(hook);
        return new(201, Shown(hook));
    }

    public FakeResponse Edit(FakeCall call, FakeRepository repository, FakeHook hook)
    {
        if (FakeGitea.Unbound(call) is { } problem)
        {
            return problem;
        }

        var json = call.Json!;
        var config = json["config"] as JsonObject;
        if (config?["content_type"] is not null && FakeGitea.Text(config, "content_type") is not ("json" or "form"))
        {
            return FakeGitea.Problem(422, "Invalid content type");
        }

        // The secret stays as it is, whatever is asked for.
        var edited = hook with
        {
            Url = config?["url"] is null ? hook.Url : FakeGitea.Text(config, "url"),
            Events = forge.IsNew ? Events(json) : Edited(hook, json),
            Active = json["active"]?.GetValue<bool>() ?? hook.Active,
        };
        repository.ReplaceHook(edited);
        return new(200, Shown(edited));
    }

    public static JsonObject Shown(FakeHook hook) =>
        new()
        {
            ["id"] = hook.Id,
            ["type"] = hook.Type,
            ["config"] = new JsonObject { ["content_type"] = hook.ContentType, ["url"] = hook.Url },
            ["events"] = new JsonArray([.. hook.Events.Select(e => (JsonNode?)e)]),
            ["active"] = hook.Active,
        };

    private static List<string> Asked(JsonObject json)
    {
        var asked = (json["events"] as JsonArray)?.Select(e => ((string)e!).ToLowerInvariant()).ToList() ?? [];
        return asked.Count == 0 ? ["push"] : asked;
    }

    /// <summary>One name stands for all kinds of pull request events; unknown names are dropped.</summary>
    private static List<string> Events(JsonObject json)
    {
        var asked = Asked(json);
        return
        [
            .. KnownEvents.Where(e =>
                asked.Contains(e)
                || (asked.Contains("pull_request") && PullRequestEvents.Contains(e))
                || (asked.Contains("pull_request_only") && e == "pull_request")
                || (asked.Contains("pull_request_review") && (e is "pull_request_review_approved" or "pull_request_review_rejected"))
            ),
        ];
    }

    /// <summary>Before 1.24, an edit takes the names literally, and leaves the kinds of pull request events as they are.</summary>
    private static List<string> Edited(FakeHook hook, JsonObject json)
    {
        var asked = Asked(json);
        return
        [
            .. KnownEvents.Where(e => e == "pull_request" || !PullRequestEvents.Contains(e) ? asked.Contains(e) : hook.Events.Contains(e)),
        ];
    }
}
