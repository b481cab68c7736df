namespace Shipinator.Forges.Webhooks;

/// <summary>The pull request in a payload of GitHub, Gitea or Forgejo, which have the same shape.</summary>
internal static class PullRequestPayload
{
    private const string Pulls = "refs/pull/";

    /// <summary>Reads it. Errors: <see cref="InvalidInputException"/>.</summary>
    public static ForgePullRequest Read(PayloadPart payload, PullRequestAction action, Func<PayloadPart, string?, bool> isDraft)
    {
        var pull = payload.Required("pull_request");
        var head = pull.Required("head");
        var @base = pull.Required("base");
        var number = (pull.Number("number") ?? payload.Number("number")) is { } found and > 0 and <= int.MaxValue
            ? (int)found
            : throw PayloadPart.Malformed("'pull_request.number' must be a number from 1.");
        var headRepository = head.Object("repo");
        var title = pull.Display("title", PayloadRules.Title);
        return new()
        {
            Action = action,
            Number = number,
            Title = title ?? "",
            Url = pull.Url("html_url") ?? throw PayloadPart.Malformed("'pull_request.html_url' must be an http or https URL."),
            HeadRef = FormattableString.Invariant($"{Pulls}{number}/head"),
            HeadCommit = head.ObjectId("sha") ?? throw PayloadPart.Malformed("'pull_request.head.sha' must be a commit."),
            // Gitea puts the ref of the pull request here when the branch is gone.
            HeadBranch =
                head.Name("ref", PayloadRules.Ref) is { } branch && !branch.StartsWith(Pulls, StringComparison.Ordinal) ? branch : null,
            HeadRepository = headRepository?.Name("full_name", PayloadRules.Name),
            BaseBranch = @base.RequiredName("ref", PayloadRules.Ref),
            BaseCommit = @base.ObjectId("sha"),
            // Unknown ids count as a fork: it is the careful answer.
            IsFork =
                headRepository?.Number("id") is not { } headId || @base.Required("repo").Number("id") is not { } baseId || headId != baseId,
            IsDraft = isDraft(pull, title),
            IsMerged = action == PullRequestAction.Closed && pull.Flag("merged"),
            Author = pull.Object("user")?.Display("login", PayloadRules.Name),
        };
    }
}
