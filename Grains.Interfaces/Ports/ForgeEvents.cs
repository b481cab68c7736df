using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>
/// What a webhook delivery reports, in one form for all forges. It is stored as JSON with the delivery, so members are only ever added.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ForgePush), "push")]
[JsonDerivedType(typeof(ForgePullRequest), "pull_request")]
[JsonDerivedType(typeof(ForgePing), "ping")]
[JsonDerivedType(typeof(ForgeIgnored), "ignored")]
public abstract record ForgeEvent
{
    /// <summary>The login of the forge user who caused the event; null when the forge does not say.</summary>
    public string? Sender { get; init; }

    /// <summary>
    /// The full name of the repository on the forge, <c>owner/name</c>: it may have been renamed since it was registered, and the webhook
    /// of an organization reports all of its repositories. Null when the forge does not say.
    /// </summary>
    public string? Repository { get; init; }
}

/// <summary>A branch or a tag was created, moved or deleted.</summary>
public sealed record ForgePush : ForgeEvent
{
    /// <summary>The full ref: <c>refs/heads/main</c>, <c>refs/tags/v1</c>.</summary>
    public required string Ref { get; init; }

    /// <summary>The commit before; null when the ref is new or the forge does not say.</summary>
    public string? Before { get; init; }

    /// <summary>The commit after, or for an annotated tag possibly the tag object; null when the ref was deleted.</summary>
    public string? After { get; init; }

    /// <summary>Whether the forge reports that history was rewritten.</summary>
    public bool IsForced { get; init; }

    /// <summary>The message of the head commit.</summary>
    public string? Message { get; init; }

    /// <summary>The author of the head commit, for display.</summary>
    public string? Author { get; init; }

    /// <summary>A page that compares before and after.</summary>
    public string? CompareUrl { get; init; }

    /// <summary>The changed paths according to the payload; null when it does not list all of them.</summary>
    public ImmutableArray<string>? ChangedFiles { get; init; }

    /// <summary>Whether the ref was deleted.</summary>
    [JsonIgnore]
    public bool IsDeleted => After is null;
}

/// <summary>What happened to a pull request.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PullRequestAction>))]
public enum PullRequestAction
{
    /// <summary>Nothing that starts or cancels a run: labels, assignees, reviews, a new title.</summary>
    Other,

    /// <summary>It was opened.</summary>
    Opened,

    /// <summary>It was opened again.</summary>
    Reopened,

    /// <summary>Its head moved (GitHub: <c>synchronize</c>, Gitea: <c>synchronized</c>).</summary>
    Synchronized,

    /// <summary>Its base branch was changed.</summary>
    Retargeted,

    /// <summary>It was closed or merged.</summary>
    Closed,
}

/// <summary>A pull request changed.</summary>
public sealed record ForgePullRequest : ForgeEvent
{
    /// <summary>What happened.</summary>
    public required PullRequestAction Action { get; init; }

    /// <summary>Its number in the repository; from 1.</summary>
    public required int Number { get; init; }

    /// <summary>Its title.</summary>
    public required string Title { get; init; }

    /// <summary>Its page.</summary>
    public required string Url { get; init; }

    /// <summary>The full ref of its head in the base repository: <c>refs/pull/7/head</c>.</summary>
    public required string HeadRef { get; init; }

    /// <summary>The commit of its head.</summary>
    public required string HeadCommit { get; init; }

    /// <summary>The short name of the head branch, in the head repository.</summary>
    public string? HeadBranch { get; init; }

    /// <summary>The full name of the head repository; null when it was deleted.</summary>
    public string? HeadRepository { get; init; }

    /// <summary>The short name of the branch that it is to be merged into.</summary>
    public required string BaseBranch { get; init; }

    /// <summary>The commit of the base branch that the forge reports.</summary>
    public string? BaseCommit { get; init; }

    /// <summary>Whether the head is in another repository than the base, or its repository was deleted.</summary>
    public bool IsFork { get; init; }

    /// <summary>Whether it is a draft.</summary>
    public bool IsDraft { get; init; }

    /// <summary>Whether it was merged; only for <see cref="PullRequestAction.Closed"/>.</summary>
    public bool IsMerged { get; init; }

    /// <summary>The login of the user who opened it.</summary>
    public string? Author { get; init; }
}

/// <summary>The forge checks that the webhook works.</summary>
public sealed record ForgePing : ForgeEvent;

/// <summary>An event that never starts or cancels a run.</summary>
public sealed record ForgeIgnored : ForgeEvent
{
    /// <summary>Why, as a sentence: it is shown as the outcome of the delivery.</summary>
    public required string Reason { get; init; }
}
