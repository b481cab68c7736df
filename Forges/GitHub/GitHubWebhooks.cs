using System.Collections.Immutable;
using Shipinator.Forges.Webhooks;

namespace Shipinator.Forges.GitHub;

/// <summary>GitHub's webhooks: which requests are GitHub's, their signature, and what they report.</summary>
internal static class GitHubWebhooks
{
    private const string EventHeader = "X-GitHub-Event";
    private const string Prefix = "sha256=";

    /// <summary>Older Enterprise servers list at most 20 commits of a push; a list of that length may be cut.</summary>
    private const int MostCommits = 20;

    /// <summary>A commit lists at most 3,000 files.</summary>
    private const int MostFiles = 3000;

    public static bool Recognizes(WebhookRequest request) => request.Headers.ContainsKey(EventHeader);

    /// <summary>The signature is over the raw body in both content types.</summary>
    public static bool IsSigned(WebhookRequest request, IReadOnlyList<string> secrets) =>
        WebhookHeaders.First(request, "X-Hub-Signature-256") is { } signature
        && signature.StartsWith(Prefix, StringComparison.Ordinal)
        && HmacSignature.IsOf(signature.AsSpan(Prefix.Length), request.Body.Span, secrets);

    public static WebhookDelivery Parse(WebhookRequest request)
    {
        var name = WebhookHeaders.EventName(request, EventHeader);
        var id = WebhookHeaders.DeliveryId(request, "X-GitHub-Delivery");
        return new(id, name, PayloadPart.Read(WebhookBody.Json(request), payload => Event(name, payload)));
    }

    private static ForgeEvent Event(string name, PayloadPart payload)
    {
        ForgeEvent found = name switch
        {
            "push" => Push(payload),
            "pull_request" => PullRequestPayload.Read(payload, Action(payload), (pull, _) => pull.Flag("draft")),
            "ping" => new ForgePing(),
            "create" or "delete" => new ForgeIgnored { Reason = $"The event 'push' reports the same as '{name}'." },
            _ => PayloadRules.NoRun(name),
        };
        return found with
        {
            Sender = payload.Object("sender")?.Display("login", PayloadRules.Name),
            Repository = payload.Object("repository")?.Display("full_name", PayloadRules.Name),
        };
    }

    private static ForgeEvent Push(PayloadPart payload)
    {
        payload.Require("before", "after");
        var fullRef = payload.RequiredName("ref", PayloadRules.Ref);
        if (!PayloadRules.IsBranchOrTag(fullRef))
        {
            return PayloadRules.OtherRef(fullRef);
        }

        var head = payload.Object("head_commit");
        var after = payload.Flag("deleted") ? null : payload.ObjectId("after");
        var before = payload.ObjectId("before");
        var isForced = payload.Flag("forced");
        return after is null && before is null
            ? throw PayloadPart.Malformed("'before' and 'after' can't both be zeros.")
            : new ForgePush
            {
                Ref = fullRef,
                Before = before,
                // For an annotated tag, 'after' is the tag object.
                After = after is null ? null : head?.ObjectId("id") ?? after,
                IsForced = isForced,
                Message = head?.Display("message", PayloadRules.Message),
                Author = head?.Object("author")?.Display("name", PayloadRules.Name),
                CompareUrl = payload.Url("compare"),
                ChangedFiles = isForced || before is null || after is null ? null : ChangedFiles(payload, after),
            };
    }

    /// <summary>The paths that the listed commits change; null when the list may be incomplete.</summary>
    private static ImmutableArray<string>? ChangedFiles(PayloadPart payload, string after)
    {
        var commits = payload.Objects("commits").Take(MostCommits).ToList();
        if (commits.Count is 0 or >= MostCommits || commits[^1].ObjectId("id") != after)
        {
            return null;
        }

        var files = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var commit in commits)
        {
            foreach (var list in new[] { "added", "removed", "modified" })
            {
                if (commit.Texts(list) is not { } texts || texts.Count >= MostFiles)
                {
                    return null;
                }

                files.UnionWith(texts);
            }
        }

        return files.Any(f => f.Contains('\0', StringComparison.Ordinal)) ? null : [.. files];
    }

    private static PullRequestAction Action(PayloadPart payload) =>
        payload.RequiredName("action", PayloadRules.Name) switch
        {
            "opened" => PullRequestAction.Opened,
            "reopened" => PullRequestAction.Reopened,
            "synchronize" => PullRequestAction.Synchronized,
            "closed" => PullRequestAction.Closed,
            "edited" when payload.Object("changes")?.Has("base") == true => PullRequestAction.Retargeted,
            _ => PullRequestAction.Other,
        };
}
