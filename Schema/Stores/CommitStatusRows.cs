namespace Shipinator.Schema.Stores;

/// <summary>What a row of the outbox is for: one context of a commit.</summary>
public sealed record CommitStatusKey(RepositoryId Repository, string Commit, string Context);

/// <summary>Whether a status is sent.</summary>
public enum StatusProgress
{
    /// <summary>It is compared with its run and sent.</summary>
    Open,

    /// <summary>The forge refused it: it is not sent until it is retried.</summary>
    Blocked,

    /// <summary>Its end was sent.</summary>
    Settled,
}

/// <summary>A row of <c>commit_statuses</c> with the state of its run.</summary>
public sealed record CommitStatusRow
{
    public required CommitStatusKey Key { get; init; }

    /// <summary>The run that it reports; null: the fixed state.</summary>
    public RunId? RunId { get; init; }

    public CommitState? FixedState { get; init; }

    public string? FixedDescription { get; init; }

    public required StatusProgress Progress { get; init; }

    /// <summary>What the forge accepted last.</summary>
    public CommitState? SentState { get; init; }

    public string? SentDescription { get; init; }

    public DateTimeOffset? SentAt { get; init; }

    /// <summary>How many posts the forge has accepted.</summary>
    public int Posts { get; init; }

    /// <summary>Those since the row reports its current run.</summary>
    public int RunPosts { get; init; }

    /// <summary>Failed attempts since the last success.</summary>
    public int Attempts { get; init; }

    public DateTimeOffset? NextAttemptAt { get; init; }

    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>The code of the last error: one of <see cref="ForgeRequestException"/>.</summary>
    public string? ErrorCode { get; init; }

    public string? Error { get; init; }

    /// <summary>When it began to report its current run.</summary>
    public required DateTimeOffset RegisteredAt { get; init; }

    public required int Version { get; init; }

    /// <summary>Null when the run does not exist yet.</summary>
    public StatusRun? Run { get; init; }
}

/// <summary>What a status says about a run.</summary>
public sealed record StatusRun(Status Status, Reason? Reason, string? Detail, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt)
{
    /// <summary>In the plan's order; only for runs that are running or have ended.</summary>
    public IReadOnlyList<StatusJob> Jobs { get; init; } = [];
}

/// <summary>A job of a run, and the first step because of which it failed.</summary>
public sealed record StatusJob(string Name, Status Status, Reason? Reason, bool IsReused, StatusStep? FailedStep);

/// <summary>A step that failed.</summary>
public sealed record StatusStep(string Name, Reason? Reason, int? ExitCode);

/// <summary>The statuses of a repository that the forge does not have.</summary>
/// <param name="Blocked">How many are not sent until they are retried.</param>
/// <param name="Retrying">How many failed and are sent again by themselves.</param>
/// <param name="ErrorCode">The code of the newest error.</param>
/// <param name="Error">The newest error.</param>
/// <param name="Since">Since when the oldest of them fails.</param>
/// <param name="NextAttemptAt">The next attempt; null: none.</param>
public sealed record StatusProblems(
    int Blocked,
    int Retrying,
    string? ErrorCode,
    string? Error,
    DateTimeOffset? Since,
    DateTimeOffset? NextAttemptAt
);

/// <summary>Whether and when something of a repository is due.</summary>
/// <param name="HasOpen">Whether there are statuses that may be sent, now or later.</param>
/// <param name="NextAttemptAt">The earliest later attempt of a status that failed.</param>
/// <param name="PausedUntil">Until when nothing is sent: the forge is away, or limits the rate.</param>
/// <param name="Attempts">How many attempts have failed since the forge is away.</param>
public sealed record StatusOutlook(bool HasOpen, DateTimeOffset? NextAttemptAt, DateTimeOffset? PausedUntil, int Attempts);
