using Shipinator.Forges.Webhooks;

namespace Shipinator.Forges.Gitea;

/// <summary>
/// The webhooks of Gitea and what descends from the same source: Forgejo and Gogs. They differ in the names of their headers, and Gogs
/// reports tags only by <c>create</c> and <c>delete</c>.
/// </summary>
/// <param name="Family">The word in the headers: <c>Gitea</c> in <c>X-Gitea-Event</c>.</param>
/// <param name="TagsAreCreated">
/// Whether new and deleted tags are reported by <c>create</c> and <c>delete</c> only, never by <c>push</c>.
/// </param>
internal sealed record GiteaWebhooks(string Family, bool TagsAreCreated = false)
{
    private string EventHeader => $"X-{Family}-Event";

    public bool Recognizes(WebhookRequest request) => request.Headers.ContainsKey(EventHeader);

    /// <summary>The signature is over the JSON text, also when that is a field of a form.</summary>
    public bool IsSigned(WebhookRequest request, IReadOnlyList<string> secrets) =>
        WebhookHeaders.First(request, $"X-{Family}-Signature", "X-Gitea-Signature") is { Length: > 0 } signature
        && (WebhookBody.IsForm(request) ? WebhookBody.FormPayload(request.Body) : request.Body) is { } signed
        && HmacSignature.IsOf(signature, signed.Span, secrets);

    public WebhookDelivery Parse(WebhookRequest request)
    {
        var name = WebhookHeaders.EventName(request, EventHeader);
        var id = WebhookHeaders.DeliveryId(request, $"X-{Family}-Delivery", "X-Gitea-Delivery");
        return new(id, name, PayloadPart.Read(WebhookBody.Json(request), payload => Event(name, payload)));
    }

    private ForgeEvent Event(string name, PayloadPart payload)
    {
        ForgeEvent found = name switch
        {
            "push" => Push(payload),
            "create" => Created(payload),
            "delete" => Deleted(payload),
            "pull_request" => PullRequest(payload),
            _ => PayloadRules.NoRun(name),
        };
        return found with
        {
            Sender = payload.Object("sender") is { } sender
                ? sender.Display("login", PayloadRules.Name) ?? sender.Display("username", PayloadRules.Name)
                : null,
            Repository = payload.Object("repository")?.Display("full_name", PayloadRules.Name),
        };
    }

    private static ForgeEvent Push(PayloadPart payload)
    {
        payload.Require("before", "after");
        var fullRef = payload.RequiredName("ref", PayloadRules.Ref);
        var before = payload.ObjectId("before");
        var after = payload.ObjectId("after");
        if (before == after)
        {
            // There is no ping: a test delivery is a push from a commit to itself; all zeros when the repository is empty.
            return new ForgePing();
        }

        if (!PayloadRules.IsBranchOrTag(fullRef))
        {
            return PayloadRules.OtherRef(fullRef);
        }

        var head = payload.Object("head_commit") ?? payload.Objects("commits").Cast<PayloadPart?>().FirstOrDefault();
        return new ForgePush
        {
            Ref = fullRef,
            Before = before,
            // For an annotated tag, 'after' is the tag object. Gogs has no head commit, and the first of the list is the newest.
            After = after is null ? null : payload.Object("head_commit")?.ObjectId("id") ?? after,
            Message = after is null ? null : head?.Display("message", PayloadRules.Message),
            Author = after is null ? null : head?.Object("author")?.Display("name", PayloadRules.Name),
            CompareUrl = payload.Url("compare_url"),
            // The list of commits is cut without a sign, and a forced push is not told from others.
            ChangedFiles = null,
        };
    }

    /// <summary>A new branch is also pushed. So is a tag, except by Gogs.</summary>
    private ForgeEvent Created(PayloadPart payload) =>
        TagsAreCreated && payload.RequiredName("ref_type", PayloadRules.Name) == "tag"
            ? new ForgePush
            {
                Ref = "refs/tags/" + payload.RequiredName("ref", PayloadRules.Ref),
                After = payload.ObjectId("sha") ?? throw PayloadPart.Malformed("'sha' must be the commit of the new tag."),
            }
            : new ForgeIgnored { Reason = "The event 'push' reports the same as 'create'." };

    /// <summary>A deleted branch is not pushed; a deleted tag is, except by Gogs.</summary>
    private ForgeEvent Deleted(PayloadPart payload)
    {
        var name = payload.RequiredName("ref", PayloadRules.Ref);
        return payload.RequiredName("ref_type", PayloadRules.Name) switch
        {
            "branch" => new ForgePush { Ref = "refs/heads/" + name },
            "tag" when TagsAreCreated => new ForgePush { Ref = "refs/tags/" + name },
            _ => new ForgeIgnored { Reason = "The event 'push' reports the same as 'delete' of a tag." },
        };
    }

    private static ForgeEvent PullRequest(PayloadPart payload)
    {
        // Gogs names no commit, and the ref may have moved on until it is looked at.
        return payload.Required("pull_request").Object("head") is null
            ? new ForgeIgnored
            {
                Reason = "The forge does not report the commit of the pull request's head, so pull requests start no runs on it.",
            }
            : PullRequestPayload.Read(payload, Action(payload), (pull, title) => pull.Flag("draft") || IsDraftTitle(title));
    }

    /// <summary>The default prefixes of titles; older servers have no other mark.</summary>
    private static bool IsDraftTitle(string? title) =>
        title is not null
        && (title.StartsWith("WIP:", StringComparison.OrdinalIgnoreCase) || title.StartsWith("[WIP]", StringComparison.OrdinalIgnoreCase));

    private static PullRequestAction Action(PayloadPart payload) =>
        payload.RequiredName("action", PayloadRules.Name) switch
        {
            "opened" => PullRequestAction.Opened,
            "reopened" => PullRequestAction.Reopened,
            "synchronized" or "synchronize" => PullRequestAction.Synchronized,
            "closed" => PullRequestAction.Closed,
            "edited" when payload.Object("changes")?.Has("ref") == true => PullRequestAction.Retargeted,
            _ => PullRequestAction.Other,
        };
}
