using System.Collections.Immutable;

namespace Shipinator;

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
