using System.Collections.Immutable;

namespace Shipinator;

/// <summary>
/// The persistent state of an FSM grain: its row, and the transitions that the next write appends in the same transaction. The grain clears
/// <see cref="Uncommitted"/> once a write is acknowledged.
/// </summary>
[GenerateSerializer, Alias("shipinator.stored`1")]
public sealed class Stored<T>
    where T : class
{
    /// <summary>The row; null before the first write.</summary>
    [Id(0)]
    public T? Row { get; set; }

    /// <summary>Transitions not written yet, in order.</summary>
    [Id(1)]
    public ImmutableArray<Transition> Uncommitted { get; set; } = [];

    /// <summary>
    /// Whether cleanup follows this write, which makes the row terminal. The same transaction records that, and
    /// <see cref="IUnfinishedWork.List"/> lists the row until <see cref="IUnfinishedWork.Settled"/> is called.
    /// </summary>
    [Id(2)]
    public bool Unsettled { get; set; }

    /// <summary>For the first write of a run: the rows of its jobs, in the plan's order, which the same transaction adds.</summary>
    [Id(3)]
    public ImmutableArray<JobRecord> InitialJobs { get; set; } = [];
}

/// <summary>A requested cancel; it takes effect when the executor confirms that nothing is running.</summary>
[GenerateSerializer, Alias("shipinator.cancel-request"), Immutable]
public sealed record CancelRequest(
    [property: Id(0)] DateTimeOffset RequestedAt,
    [property: Id(1)] Reason Reason,
    [property: Id(2)] string Detail,
    [property: Id(3)] string Actor
);

/// <summary>A row of <c>pipeline_runs</c>. Its first write also inserts the rows of all its jobs and steps.</summary>
[GenerateSerializer, Alias("shipinator.run-record"), Immutable]
public sealed record RunRecord
{
    [Id(0)]
    public required RunId Id { get; init; }

    [Id(1)]
    public required PipelineId PipelineId { get; init; }

    [Id(2)]
    public required RepositoryId RepositoryId { get; init; }

    [Id(3)]
    public required ProjectId ProjectId { get; init; }

    /// <summary>The project's name when the run was created.</summary>
    [Id(4)]
    public required string ProjectName { get; init; }

    /// <summary>The repository's name when the run was created.</summary>
    [Id(5)]
    public required string RepositoryName { get; init; }

    /// <summary>1, 2, 3 … in its repository; gaps are possible.</summary>
    [Id(6)]
    public required long RunNumber { get; init; }

    /// <summary>What to check out.</summary>
    [Id(7)]
    public required SourceSpec Source { get; init; }

    /// <summary>The executor of its jobs.</summary>
    [Id(8)]
    public required string Executor { get; init; }

    /// <summary>The immutable plan.</summary>
    [Id(9)]
    public required RunPlan Plan { get; init; }

    /// <summary>The plan's jobs, in its order, with their ids.</summary>
    [Id(10)]
    public required ImmutableArray<RunJob> Jobs { get; init; }

    /// <summary>The original run, if this one is a rerun.</summary>
    [Id(11)]
    public RunId? RerunOf { get; init; }

    /// <summary>The client's <c>Idempotency-Key</c>.</summary>
    [Id(12)]
    public string? IdempotencyKey { get; init; }

    /// <summary>Who triggered the run.</summary>
    [Id(13)]
    public required string Actor { get; init; }

    [Id(14)]
    public required Lifecycle Life { get; init; }

    /// <summary>A requested cancel.</summary>
    [Id(15)]
    public CancelRequest? Cancel { get; init; }
}

/// <summary>A job of a run.</summary>
[GenerateSerializer, Alias("shipinator.run-job"), Immutable]
public sealed record RunJob
{
    [Id(0)]
    public required JobId Id { get; init; }

    /// <summary>Its steps' ids, in the plan's order.</summary>
    [Id(1)]
    public required ImmutableArray<StepId> Steps { get; init; }

    /// <summary>A successful job of an earlier run whose result is reused for this one ("rerun failed").</summary>
    [Id(2)]
    public JobId? ReusedFrom { get; init; }

    /// <summary>For a reused job: the detail that is shown.</summary>
    [Id(3)]
    public string? ReuseNote { get; init; }
}

/// <summary>A row of <c>jobs</c> with its rows of <c>job_steps</c>.</summary>
[GenerateSerializer, Alias("shipinator.job-record"), Immutable]
public sealed record JobRecord
{
    [Id(0)]
    public required JobId Id { get; init; }

    [Id(1)]
    public required JobSpec Spec { get; init; }

    [Id(2)]
    public required Lifecycle Life { get; init; }

    /// <summary>The current attempt, from 1. Each attempt has its own workspace.</summary>
    [Id(3)]
    public int Attempt { get; init; } = 1;

    /// <summary>All steps of all attempts, by attempt and order.</summary>
    [Id(4)]
    public required ImmutableArray<StepRecord> Steps { get; init; }

    /// <summary>A requested cancel.</summary>
    [Id(5)]
    public CancelRequest? Cancel { get; init; }

    /// <summary>A new attempt may not start before this moment (backoff).</summary>
    [Id(6)]
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>The job whose result is reused for this one.</summary>
    [Id(7)]
    public JobId? ReusedFrom { get; init; }

    /// <summary>Set while an attempt is ending because another one follows: the detail that says why.</summary>
    [Id(8)]
    public string? RestartBecause { get; init; }
}

/// <summary>A row of <c>job_steps</c>.</summary>
[GenerateSerializer, Alias("shipinator.step-record"), Immutable]
public sealed record StepRecord
{
    [Id(0)]
    public required StepId Id { get; init; }

    /// <summary>The job attempt that it belongs to.</summary>
    [Id(1)]
    public required int JobAttempt { get; init; }

    /// <summary>Its position in <see cref="JobPlan.Steps"/>, from 0.</summary>
    [Id(2)]
    public required int Index { get; init; }

    [Id(3)]
    public required Lifecycle Life { get; init; }

    /// <summary>Its executions, the latest last; the first gets its id when the job attempt starts, before it is needed.</summary>
    [Id(4)]
    public ImmutableArray<ExecutionId> Executions { get; init; } = [];

    /// <summary>How many of <see cref="Executions"/> have been started.</summary>
    [Id(5)]
    public int Started { get; init; }

    /// <summary>The next execution may not start before this moment (backoff).</summary>
    [Id(6)]
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>The exit code of its last execution.</summary>
    [Id(7)]
    public int? ExitCode { get; init; }
}

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
