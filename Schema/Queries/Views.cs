using Shipinator.Schema.Stores;

namespace Shipinator.Schema.Queries;

/// <summary>A run without its plan, which <see cref="RunQueries.PlanAsync"/> reads.</summary>
public sealed record RunView
{
    public required RunId Id { get; init; }

    public required PipelineId PipelineId { get; init; }

    /// <summary>The pipeline's current name.</summary>
    public required string PipelineName { get; init; }

    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The repository's name when the run was created.</summary>
    public required string RepositoryName { get; init; }

    public required ProjectId ProjectId { get; init; }

    /// <summary>The project's name when the run was created.</summary>
    public required string ProjectName { get; init; }

    /// <summary>1, 2, 3 … in its repository.</summary>
    public required long RunNumber { get; init; }

    public required string GitRef { get; init; }

    public required string GitSha { get; init; }

    /// <summary>push, pr, manual or schedule.</summary>
    public required string Event { get; init; }

    /// <summary>Null for a tag.</summary>
    public string? Branch { get; init; }

    public string? Tag { get; init; }

    /// <summary>The pull request's number.</summary>
    public int? PrNumber { get; init; }

    /// <summary>What the forge said about the event; null for other runs, and those of older versions.</summary>
    public ForgeFacts? Origin { get; init; }

    public string? CommitMessage { get; init; }

    public string? CommitAuthor { get; init; }

    public required string Executor { get; init; }

    public required string Actor { get; init; }

    public RunId? RerunOf { get; init; }

    /// <summary>How the run came about, when that is worth knowing: that its schedule was late.</summary>
    public string? Note { get; init; }

    public required Status Status { get; init; }

    public Reason? Reason { get; init; }

    public string? Detail { get; init; }

    public CancelRequest? Cancel { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Incremented with each write of the row.</summary>
    public required int Version { get; init; }
}

/// <summary>What a forge said about the event of a run: the members of <see cref="TriggerFacts"/> with the same names.</summary>
public sealed record ForgeFacts
{
    public string? PrTitle { get; init; }

    public string? PrUrl { get; init; }

    public string? HeadBranch { get; init; }

    public string? HeadRepository { get; init; }

    public string? BaseCommit { get; init; }

    public string? Before { get; init; }

    public string? CompareUrl { get; init; }

    public string? Sender { get; init; }

    public bool IsFork { get; init; }

    private static ForgeFacts None { get; } = new();

    /// <summary>Null when there is nothing.</summary>
    public static ForgeFacts? Of(TriggerFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var origin = new ForgeFacts
        {
            PrTitle = facts.PrTitle,
            PrUrl = facts.PrUrl,
            HeadBranch = facts.HeadBranch,
            HeadRepository = facts.HeadRepository,
            BaseCommit = facts.BaseCommit,
            Before = facts.Before,
            CompareUrl = facts.CompareUrl,
            Sender = facts.Sender,
            IsFork = facts.IsFork,
        };
        return origin == None ? null : origin;
    }
}

/// <summary>A job of a run with all that hangs below it.</summary>
public sealed record JobView
{
    public required JobId Id { get; init; }

    public required RunId RunId { get; init; }

    /// <summary>build, test or deploy.</summary>
    public required string Type { get; init; }

    /// <summary>Unique in the run.</summary>
    public required string Name { get; init; }

    /// <summary>The current attempt, from 1.</summary>
    public required int Attempt { get; init; }

    public required Status Status { get; init; }

    public Reason? Reason { get; init; }

    public string? Detail { get; init; }

    /// <summary>The job of an earlier run whose result is reused.</summary>
    public JobId? ReusedFrom { get; init; }

    /// <summary>The earliest start of the next attempt.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    public CancelRequest? Cancel { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Incremented with each write of the row.</summary>
    public required int Version { get; init; }

    /// <summary>Steps of all attempts, by attempt and position.</summary>
    public IReadOnlyList<StepView> Steps { get; init; } = [];
}

/// <summary>A step of a job attempt.</summary>
public sealed record StepView
{
    public required StepId Id { get; init; }

    public required JobId JobId { get; init; }

    /// <summary>Unique in the job attempt.</summary>
    public required string Name { get; init; }

    /// <summary>The job attempt, from 1.</summary>
    public required int JobAttempt { get; init; }

    /// <summary>The position in the plan, from 0.</summary>
    public required int Position { get; init; }

    /// <summary>From 0; steps with equal numbers run in parallel.</summary>
    public int? ExecutionOrder { get; init; }

    /// <summary>Null for a step that runs alone.</summary>
    public string? ParallelGroup { get; init; }

    public required Status Status { get; init; }

    public Reason? Reason { get; init; }

    public string? Detail { get; init; }

    public int? ExitCode { get; init; }

    /// <summary>The earliest start of the next execution.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public IReadOnlyList<ExecutionView> Executions { get; init; } = [];
}

/// <summary>One attempt of a step.</summary>
public sealed record ExecutionView
{
    public required ExecutionId Id { get; init; }

    public required StepId StepId { get; init; }

    public required JobId JobId { get; init; }

    public required RunId RunId { get; init; }

    public required ProjectId ProjectId { get; init; }

    /// <summary>From 1, in its step.</summary>
    public required int Attempt { get; init; }

    /// <summary><c>process</c> or <c>kubernetes</c>.</summary>
    public required string ExecutorType { get; init; }

    /// <summary>The name on the executor's platform.</summary>
    public required string ExternalId { get; init; }

    public required Status Status { get; init; }

    public Reason? Reason { get; init; }

    public string? Detail { get; init; }

    public int? ExitCode { get; init; }

    /// <summary>The location of the log, when it is not in the log store.</summary>
    public string? LogsUri { get; init; }

    public CancelRequest? Cancel { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was submitted to the executor.</summary>
    public required DateTimeOffset SubmittedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>Incremented with each write of the row.</summary>
    public required int Version { get; init; }

    /// <summary>The artifacts uploaded so far.</summary>
    public IReadOnlyList<ArtifactRow> Artifacts { get; init; } = [];
}

/// <summary>One line of a run's history, and the cursor after it.</summary>
public sealed record HistoryEntry(string Cursor, Transition Transition);

/// <summary>
/// Lines after a cursor. <see cref="Cursor"/> continues after the last line (without lines it is the given one); <see cref="More"/>: there
/// are more lines, read again immediately.
/// </summary>
public sealed record HistoryPage(IReadOnlyList<HistoryEntry> Items, string? Cursor, bool More);

/// <summary>Filters of a list of runs; null does not filter.</summary>
public sealed record RunFilter
{
    public ProjectId? Project { get; init; }

    public RepositoryId? Repository { get; init; }

    public PipelineId? Pipeline { get; init; }

    public Status? Status { get; init; }

    public string? Branch { get; init; }

    /// <summary>The event that started the run: push, pr, manual or schedule.</summary>
    public string? Event { get; init; }

    /// <summary>The pull request's number; only with <see cref="Repository"/>.</summary>
    public int? PrNumber { get; init; }

    /// <summary>The tag; only with <see cref="Repository"/>.</summary>
    public string? Tag { get; init; }

    /// <summary>Only runs that are terminal.</summary>
    public bool IsTerminal { get; init; }
}
