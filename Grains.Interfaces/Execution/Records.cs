using System.Collections.Immutable;

namespace Shipinator;

/// <summary>
/// What an FSM grain keeps through <c>IPersistentState</c>: its row, and the transitions that the next write appends in
/// the same transaction. The grain empties <see cref="Uncommitted"/> once a write was acknowledged.
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
    /// Something is to be done after this write, which ends the row: the same transaction leaves a trace of it, which
    /// <see cref="IUnfinishedWork.List"/> finds until <see cref="IUnfinishedWork.Settled"/> removes it.
    /// </summary>
    [Id(2)]
    public bool Unsettled { get; set; }

    /// <summary>For the first write of a run: the rows of its jobs, in the plan's order, which the same transaction adds.</summary>
    [Id(3)]
    public ImmutableArray<JobRecord> InitialJobs { get; set; } = [];
}

/// <summary>That somebody asked for a stop; the end comes when the executor confirms it.</summary>
[GenerateSerializer, Alias("shipinator.cancel-request"), Immutable]
public sealed record CancelRequest(
    [property: Id(0)] DateTimeOffset RequestedAt,
    [property: Id(1)] Reason Reason,
    [property: Id(2)] string Detail,
    [property: Id(3)] string Actor
);

/// <summary>A row of <c>pipeline_runs</c>. Its first write also adds the rows of all its jobs and steps.</summary>
[GenerateSerializer, Alias("shipinator.run-record"), Immutable]
public sealed record RunRecord
{
    /// <summary>The run.</summary>
    [Id(0)]
    public required RunId Id { get; init; }

    /// <summary>The pipeline.</summary>
    [Id(1)]
    public required PipelineId PipelineId { get; init; }

    /// <summary>The repository.</summary>
    [Id(2)]
    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The project.</summary>
    [Id(3)]
    public required ProjectId ProjectId { get; init; }

    /// <summary>The project's name when the run was made.</summary>
    [Id(4)]
    public required string ProjectName { get; init; }

    /// <summary>The repository's name when the run was made.</summary>
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

    /// <summary>The run that this one repeats.</summary>
    [Id(11)]
    public RunId? RerunOf { get; init; }

    /// <summary>The client's <c>Idempotency-Key</c>.</summary>
    [Id(12)]
    public string? IdempotencyKey { get; init; }

    /// <summary>Who asked for the run.</summary>
    [Id(13)]
    public required string Actor { get; init; }

    /// <summary>Where it stands.</summary>
    [Id(14)]
    public required Lifecycle Life { get; init; }

    /// <summary>A stop that was asked for.</summary>
    [Id(15)]
    public CancelRequest? Cancel { get; init; }
}

/// <summary>A job of a run.</summary>
[GenerateSerializer, Alias("shipinator.run-job"), Immutable]
public sealed record RunJob
{
    /// <summary>The job.</summary>
    [Id(0)]
    public required JobId Id { get; init; }

    /// <summary>Its steps' ids, in the plan's order.</summary>
    [Id(1)]
    public required ImmutableArray<StepId> Steps { get; init; }

    /// <summary>A successful job of an earlier run whose result stands for this one ("rerun failed").</summary>
    [Id(2)]
    public JobId? ReusedFrom { get; init; }

    /// <summary>For a reused job: the sentence that is shown.</summary>
    [Id(3)]
    public string? ReuseNote { get; init; }
}

/// <summary>A row of <c>jobs</c> with its rows of <c>job_steps</c>.</summary>
[GenerateSerializer, Alias("shipinator.job-record"), Immutable]
public sealed record JobRecord
{
    /// <summary>The job.</summary>
    [Id(0)]
    public required JobId Id { get; init; }

    /// <summary>All that it needs to know.</summary>
    [Id(1)]
    public required JobSpec Spec { get; init; }

    /// <summary>Where it stands.</summary>
    [Id(2)]
    public required Lifecycle Life { get; init; }

    /// <summary>The current attempt, from 1: each has a workspace of its own.</summary>
    [Id(3)]
    public int Attempt { get; init; } = 1;

    /// <summary>All steps of all attempts, by attempt and order.</summary>
    [Id(4)]
    public required ImmutableArray<StepRecord> Steps { get; init; }

    /// <summary>A stop that was asked for.</summary>
    [Id(5)]
    public CancelRequest? Cancel { get; init; }

    /// <summary>A new attempt may not start before this moment (backoff).</summary>
    [Id(6)]
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>The job whose result stands for this one.</summary>
    [Id(7)]
    public JobId? ReusedFrom { get; init; }

    /// <summary>Set while an attempt is being wound up because another one follows: the sentence that says why.</summary>
    [Id(8)]
    public string? RestartBecause { get; init; }
}

/// <summary>A row of <c>job_steps</c>.</summary>
[GenerateSerializer, Alias("shipinator.step-record"), Immutable]
public sealed record StepRecord
{
    /// <summary>The step.</summary>
    [Id(0)]
    public required StepId Id { get; init; }

    /// <summary>The job attempt that it belongs to.</summary>
    [Id(1)]
    public required int JobAttempt { get; init; }

    /// <summary>Its place in <see cref="JobPlan.Steps"/>.</summary>
    [Id(2)]
    public required int Index { get; init; }

    /// <summary>Where it stands.</summary>
    [Id(3)]
    public required Lifecycle Life { get; init; }

    /// <summary>Its executions, the latest last; the first is named when the attempt starts, before it is needed.</summary>
    [Id(4)]
    public ImmutableArray<ExecutionId> Executions { get; init; } = [];

    /// <summary>How many of <see cref="Executions"/> have been started.</summary>
    [Id(5)]
    public int Started { get; init; }

    /// <summary>The next execution may not start before this moment (backoff).</summary>
    [Id(6)]
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>The last execution's exit code.</summary>
    [Id(7)]
    public int? ExitCode { get; init; }
}

/// <summary>A row of <c>executions</c>.</summary>
[GenerateSerializer, Alias("shipinator.execution-record"), Immutable]
public sealed record ExecutionRecord
{
    /// <summary>The execution.</summary>
    [Id(0)]
    public required ExecutionId Id { get; init; }

    /// <summary>What is to be run.</summary>
    [Id(1)]
    public required ExecutionSpec Spec { get; init; }

    /// <summary>Which executor.</summary>
    [Id(2)]
    public required string ExecutorType { get; init; }

    /// <summary>The platform's name for it, derived from its ids.</summary>
    [Id(3)]
    public required string ExternalId { get; init; }

    /// <summary>Where it stands.</summary>
    [Id(4)]
    public required Lifecycle Life { get; init; }

    /// <summary>When it was handed to the executor; until then, when it began to wait for that.</summary>
    [Id(5)]
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>The runner process that claimed it: a second, different one is refused.</summary>
    [Id(6)]
    public string? ClaimedBy { get; init; }

    /// <summary>The command's exit code.</summary>
    [Id(7)]
    public int? ExitCode { get; init; }

    /// <summary>Where its log can be read.</summary>
    [Id(8)]
    public string? LogsUri { get; init; }

    /// <summary>A stop that was asked for; it ends as its reason says once the executor confirms.</summary>
    [Id(9)]
    public CancelRequest? Cancel { get; init; }

    /// <summary>What its runner reported when it was told to stop, but not by us, while the executor may still say by whom.</summary>
    [Id(10)]
    public StopReport? Stopped { get; init; }
}

/// <summary>A runner's report that it was stopped, and when it came.</summary>
[GenerateSerializer, Alias("shipinator.stop-report"), Immutable]
public sealed record StopReport([property: Id(0)] ExecutionReport Report, [property: Id(1)] DateTimeOffset At);
