using System.Collections.Immutable;

namespace Shipinator;

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

    /// <summary>How the run came about, as a sentence, when that is worth knowing: that its schedule was late.</summary>
    [Id(30)]
    public string? Note { get; init; }
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
