namespace Shipinator;

/// <summary>A row of <c>executions</c>.</summary>
[GenerateSerializer, Alias("shipinator.execution-record"), Immutable]
public sealed record ExecutionRecord
{
    [Id(0)]
    public required ExecutionId Id { get; init; }

    [Id(1)]
    public required ExecutionSpec Spec { get; init; }

    [Id(2)]
    public required string ExecutorType { get; init; }

    /// <summary>The platform's name for it, derived from its ids.</summary>
    [Id(3)]
    public required string ExternalId { get; init; }

    [Id(4)]
    public required Lifecycle Life { get; init; }

    /// <summary>When it was submitted to the executor; until then, when it began to wait for that.</summary>
    [Id(5)]
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>The runner process that claimed it; any other one is refused.</summary>
    [Id(6)]
    public string? ClaimedBy { get; init; }

    /// <summary>The command's exit code.</summary>
    [Id(7)]
    public int? ExitCode { get; init; }

    /// <summary>Where its log can be read.</summary>
    [Id(8)]
    public string? LogsUri { get; init; }

    /// <summary>A requested cancel; its reason decides the final status once the executor confirms.</summary>
    [Id(9)]
    public CancelRequest? Cancel { get; init; }

    /// <summary>
    /// What its runner reported when it was stopped from outside Shipinator, kept while the executor may still explain by whom.
    /// </summary>
    [Id(10)]
    public StopReport? Stopped { get; init; }
}

/// <summary>A runner's report that it was stopped, and when it arrived.</summary>
[GenerateSerializer, Alias("shipinator.stop-report"), Immutable]
public sealed record StopReport([property: Id(0)] ExecutionReport Report, [property: Id(1)] DateTimeOffset At);
