using Shipinator.Schema.Stores;

namespace Shipinator.Schema.Queries;

/// <summary>A run, as lists and pages show it. The plan is read apart: <see cref="RunQueries.PlanAsync"/>.</summary>
public sealed record RunView
{
    /// <summary>The run.</summary>
    public required RunId Id { get; init; }

    /// <summary>Its pipeline.</summary>
    public required PipelineId PipelineId { get; init; }

    /// <summary>The pipeline's name now.</summary>
    public required string PipelineName { get; init; }

    /// <summary>Its repository.</summary>
    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The repository's name when the run was made.</summary>
    public required string RepositoryName { get; init; }

    /// <summary>Its project.</summary>
    public required ProjectId ProjectId { get; init; }

    /// <summary>The project's name when the run was made.</summary>
    public required string ProjectName { get; init; }

    /// <summary>1, 2, 3 … in its repository.</summary>
    public required long RunNumber { get; init; }

    /// <summary>The full ref.</summary>
    public required string GitRef { get; init; }

    /// <summary>The commit.</summary>
    public required string GitSha { get; init; }

    /// <summary>push, pr, manual or schedule.</summary>
    public required string Event { get; init; }

    /// <summary>Absent for a tag.</summary>
    public string? Branch { get; init; }

    /// <summary>The head commit's message.</summary>
    public string? CommitMessage { get; init; }

    /// <summary>The commit's author.</summary>
    public string? CommitAuthor { get; init; }

    /// <summary>Which executor runs it.</summary>
    public required string Executor { get; init; }

    /// <summary>Who asked for it.</summary>
    public required string Actor { get; init; }

    /// <summary>The run that it repeats.</summary>
    public RunId? RerunOf { get; init; }

    /// <summary>Where it stands.</summary>
    public required Status Status { get; init; }

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    public string? Detail { get; init; }

    /// <summary>A stop that was asked for.</summary>
    public CancelRequest? Cancel { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>One more with each write of the row.</summary>
    public required int Version { get; init; }
}

/// <summary>A job of a run with all that hangs below it.</summary>
public sealed record JobView
{
    /// <summary>The job.</summary>
    public required JobId Id { get; init; }

    /// <summary>Its run.</summary>
    public required RunId RunId { get; init; }

    /// <summary>build, test or deploy.</summary>
    public required string Type { get; init; }

    /// <summary>Unique in the run.</summary>
    public required string Name { get; init; }

    /// <summary>The current attempt, from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>Where it stands.</summary>
    public required Status Status { get; init; }

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    public string? Detail { get; init; }

    /// <summary>The job of an earlier run whose result stands for this one.</summary>
    public JobId? ReusedFrom { get; init; }

    /// <summary>The next attempt starts no earlier.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>A stop that was asked for.</summary>
    public CancelRequest? Cancel { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>One more with each write of the row.</summary>
    public required int Version { get; init; }

    /// <summary>Steps of all attempts, by attempt and place.</summary>
    public IReadOnlyList<StepView> Steps { get; init; } = [];
}

/// <summary>A step of a job attempt.</summary>
public sealed record StepView
{
    /// <summary>The step.</summary>
    public required StepId Id { get; init; }

    /// <summary>Its job.</summary>
    public required JobId JobId { get; init; }

    /// <summary>Unique in the job attempt.</summary>
    public required string Name { get; init; }

    /// <summary>The job attempt that it belongs to.</summary>
    public required int JobAttempt { get; init; }

    /// <summary>Its place in the plan.</summary>
    public required int Position { get; init; }

    /// <summary>From 0; equal: side by side.</summary>
    public int? ExecutionOrder { get; init; }

    /// <summary>Absent for a step that runs alone.</summary>
    public string? ParallelGroup { get; init; }

    /// <summary>Where it stands.</summary>
    public required Status Status { get; init; }

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    public string? Detail { get; init; }

    /// <summary>The last execution's.</summary>
    public int? ExitCode { get; init; }

    /// <summary>The next execution starts no earlier.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Its executions, oldest first.</summary>
    public IReadOnlyList<ExecutionView> Executions { get; init; } = [];
}

/// <summary>One attempt of a step.</summary>
public sealed record ExecutionView
{
    /// <summary>The execution.</summary>
    public required ExecutionId Id { get; init; }

    /// <summary>Its step.</summary>
    public required StepId StepId { get; init; }

    /// <summary>Its job.</summary>
    public required JobId JobId { get; init; }

    /// <summary>Its run.</summary>
    public required RunId RunId { get; init; }

    /// <summary>Its project.</summary>
    public required ProjectId ProjectId { get; init; }

    /// <summary>From 1, in its step.</summary>
    public required int Attempt { get; init; }

    /// <summary>process, kubernetes.</summary>
    public required string ExecutorType { get; init; }

    /// <summary>The platform's name for it.</summary>
    public required string ExternalId { get; init; }

    /// <summary>Where it stands.</summary>
    public required Status Status { get; init; }

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    public string? Detail { get; init; }

    /// <summary>The command's.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Where its log lies, when elsewhere.</summary>
    public string? LogsUri { get; init; }

    /// <summary>A stop that was asked for.</summary>
    public CancelRequest? Cancel { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was handed to the executor.</summary>
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>When it was seen running.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>One more with each write of the row.</summary>
    public required int Version { get; init; }

    /// <summary>What it left so far.</summary>
    public IReadOnlyList<ArtifactRow> Artifacts { get; init; } = [];
}

/// <summary>One line of a run's history, and the cursor that continues after it.</summary>
public sealed record HistoryEntry(string Cursor, Transition Transition);

/// <summary>
/// Lines after a cursor. <see cref="Cursor"/> continues after the last (it is the one given when there are none);
/// <see cref="More"/>: others are waiting, ask again at once.
/// </summary>
public sealed record HistoryPage(IReadOnlyList<HistoryEntry> Items, string? Cursor, bool More);

/// <summary>Which runs a list holds; what is absent does not matter.</summary>
public sealed record RunFilter
{
    /// <summary>Of this project.</summary>
    public ProjectId? Project { get; init; }

    /// <summary>Of this repository.</summary>
    public RepositoryId? Repository { get; init; }

    /// <summary>Of this pipeline.</summary>
    public PipelineId? Pipeline { get; init; }

    /// <summary>That stand here.</summary>
    public Status? Status { get; init; }

    /// <summary>Of this branch.</summary>
    public string? Branch { get; init; }

    /// <summary>Asked for by this event.</summary>
    public string? Event { get; init; }

    /// <summary>Only those that are over.</summary>
    public bool IsOver { get; init; }
}
