using System.Collections.Immutable;
using System.Text;
using Shipinator.Pipelines;
using Shipinator.Schema;

namespace Shipinator.Triggers.Events;

/// <summary>
/// Prepares a delivery for storage. A forge's payload is signed, but parts of it (messages, titles, names of branches) are written by
/// anybody: texts that are only shown are cut and cleaned, and what can't be run is an outcome.
/// </summary>
internal static class DeliveryContent
{
    private const int LongestMessage = 4_000;
    private const int LongestWord = 250;
    private const int LongestPath = 4_096;

    /// <summary>The event that is stored, and its outcome if nothing else is to be done.</summary>
    public static (ForgeEvent Event, DeliveryResult? Result) Of(ForgeEvent reported) =>
        reported switch
        {
            // Also what the annotations rule out: an event may have been read from JSON.
            ForgePush { Ref: null } or ForgeIgnored { Reason: null } => throw Malformed("lacks a member that is needed"),
            ForgePullRequest pull
                when pull is { Title: null } or { Url: null } or { HeadRef: null } or { HeadCommit: null } or { BaseBranch: null } =>
                throw Malformed("lacks a member that is needed"),
            ForgePing ping => (
                ping with
                {
                    Sender = Word(ping.Sender),
                    Repository = Word(ping.Repository),
                },
                new(DeliveryOutcome.Ping, "The webhook works.")
            ),
            ForgeIgnored ignored => (
                ignored with
                {
                    Sender = Word(ignored.Sender),
                    Repository = Word(ignored.Repository),
                    Reason = Shown(ignored.Reason, LongestMessage)!,
                },
                new(DeliveryOutcome.Ignored, Shown(ignored.Reason, LongestMessage))
            ),
            ForgePush push => (Clean(push), Problem(push)),
            ForgePullRequest { Action: PullRequestAction.Other } other => (
                Clean(other),
                new(DeliveryOutcome.Ignored, "This change of a pull request starts and cancels no run.")
            ),
            ForgePullRequest pull => (Clean(pull), Problem(pull)),
            _ => throw Malformed($"is a '{reported.GetType().Name}', which can't be processed"),
        };

    private static InvalidInputException Malformed(string problem) => new("payload_malformed", $"The event {problem}.");

    /// <summary>
    /// What a delivery is compared with, and its content: a second webhook or a new id must not lead to a second run. Null: with nothing.
    /// </summary>
    public static (string? RefKey, string? ContentKey) Keys(ForgeEvent reported) =>
        reported switch
        {
            ForgePush push => (push.Ref, $"{push.Before}..{push.After}"),
            ForgePullRequest { Action: not PullRequestAction.Other } pull => (
                $"pull/{pull.Number}",
                $"{pull.Action}:{pull.HeadCommit}:{pull.BaseBranch}"
            ),
            _ => (null, null),
        };

    private static ForgePush Clean(ForgePush push) =>
        push with
        {
            Ref = Shown(push.Ref, LongestWord)!,
            Before = Word(push.Before),
            After = Word(push.After),
            Sender = Word(push.Sender),
            Repository = Word(push.Repository),
            Message = Shown(push.Message, LongestMessage),
            Author = Word(push.Author),
            CompareUrl = Url(push.CompareUrl),
            ChangedFiles = Paths(push.ChangedFiles),
        };

    private static ForgePullRequest Clean(ForgePullRequest pull) =>
        pull with
        {
            Sender = Word(pull.Sender),
            Repository = Word(pull.Repository),
            Title = Shown(pull.Title, LongestMessage)!,
            Url = Url(pull.Url) ?? "",
            HeadRef = Shown(pull.HeadRef, LongestWord)!,
            HeadCommit = Word(pull.HeadCommit)!,
            HeadBranch = Word(pull.HeadBranch),
            HeadRepository = Word(pull.HeadRepository),
            BaseBranch = Shown(pull.BaseBranch, LongestWord)!,
            BaseCommit = Word(pull.BaseCommit),
            Author = Word(pull.Author),
        };

    private static DeliveryResult? Problem(ForgePush push) =>
        NameProblem(push.Ref, "ref")
        ?? (
            push.Ref.StartsWith("refs/heads/", StringComparison.Ordinal) || push.Ref.StartsWith("refs/tags/", StringComparison.Ordinal)
                ? CommitProblem(push.After, "after") ?? CommitProblem(push.Before, "before")
                : new(DeliveryOutcome.Ignored, $"'{Fields.Excerpt(push.Ref)}' is neither a branch nor a tag.")
        );

    private static DeliveryResult? Problem(ForgePullRequest pull) =>
        NameProblem(pull.HeadRef, "head ref")
        ?? NameProblem(pull.BaseBranch, "base branch")
        ?? CommitProblem(pull.HeadCommit, "head commit")
        ?? CommitProblem(pull.BaseCommit, "base commit")
        ?? (pull.Number < 1 ? new(DeliveryOutcome.Error, $"The pull request's number must be at least 1, but was {pull.Number}.") : null);

    private static DeliveryResult? NameProblem(string name, string what) =>
        name.Length is 0 or > LongestWord || name.Any(char.IsControl) || StorableText.Flaw(name) is not null
            ? new(DeliveryOutcome.Error, $"The {what} must have 1 to {LongestWord} printable characters.")
            : null;

    private static DeliveryResult? CommitProblem(string? commit, string what) =>
        commit is null || (commit.Length is 40 or 64 && commit.All(char.IsAsciiHexDigitLower))
            ? null
            : new(DeliveryOutcome.Error, $"The {what} '{Fields.Excerpt(Shown(commit, LongestWord)!)}' is not the id of a commit.");

    private static string? Word(string? text) => Shown(text, LongestWord);

    /// <summary>A link that people may follow; null for anything else, such as a script.</summary>
    private static string? Url(string? text) =>
        text is { Length: <= Fields.Url }
        && Uri.TryCreate(text, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
        && StorableText.Flaw(text) is null
            ? text
            : null;

    /// <summary>More files than filters look at, or paths that can't be stored, count as unknown.</summary>
    private static ImmutableArray<string>? Paths(ImmutableArray<string>? paths) =>
        paths is { IsDefault: false } known
        && known.Length <= PipelineLimits.ChangedFiles
        && known.All(p => p is not null && p.Length <= LongestPath && StorableText.Flaw(p) is null)
            ? known
            : null;

    /// <summary>
    /// The text as it can be stored and shown: cut, with NUL characters and unpaired surrogates replaced. A ref keeps one character more
    /// than is allowed, so that it is refused instead of naming another one.
    /// </summary>
    private static string? Shown(string? text, int most)
    {
        if (text is null)
        {
            return null;
        }

        var cut = StorableText.Cut(text, most + 1);
        if (StorableText.Flaw(cut) is null)
        {
            return cut;
        }

        var clean = new StringBuilder(cut.Length);
        foreach (var rune in cut.EnumerateRunes())
        {
            clean.Append(rune.Value == 0 ? "\ufffd" : rune.ToString());
        }

        return clean.ToString();
    }
}
