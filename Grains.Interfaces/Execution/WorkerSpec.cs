using System.Collections.Immutable;

namespace Shipinator;

/// <summary>One attempt of a job: a workspace and what runs in it. An executor creates it when the first execution is submitted.</summary>
[GenerateSerializer, Alias("shipinator.worker-spec"), Immutable]
public sealed record WorkerSpec
{
    [Id(0)]
    public required ProjectId ProjectId { get; init; }

    /// <summary>The repository: part of every cache key.</summary>
    [Id(1)]
    public required RepositoryId RepositoryId { get; init; }

    [Id(2)]
    public required RunId RunId { get; init; }

    [Id(3)]
    public required JobId JobId { get; init; }

    /// <summary>The job attempt, from 1. Each attempt has its own workspace.</summary>
    [Id(4)]
    public required int Attempt { get; init; }

    /// <summary>What to check out; absent: the workspace starts empty.</summary>
    [Id(5)]
    public SourceSpec? Source { get; init; }

    /// <summary>All steps of the job, each with the id of its first execution in this attempt.</summary>
    [Id(6)]
    public required ImmutableArray<WorkerStep> Steps { get; init; }

    /// <summary>The job's services, by name.</summary>
    [Id(7)]
    public ImmutableSortedDictionary<string, ServicePlan> Services { get; init; } = ImmutableSortedDictionary<string, ServicePlan>.Empty;

    /// <summary>The job's timeout.</summary>
    [Id(8)]
    public required TimeSpan Timeout { get; init; }

    /// <summary>Whether nothing that its steps leave in a cache may be used by other runs: the commit comes from a fork.</summary>
    [Id(9)]
    public bool HasReadOnlyCaches { get; init; }

    /// <summary>The worker's name on the platform: <see cref="WorkerName"/>.</summary>
    public string ExternalName => WorkerName.Of(JobId, Attempt);
}

/// <summary>One step of a worker.</summary>
[GenerateSerializer, Alias("shipinator.worker-step"), Immutable]
public sealed record WorkerStep(
    [property: Id(0)] StepId StepId,
    [property: Id(1)] ExecutionId FirstExecutionId,
    [property: Id(2)] string Name,
    [property: Id(3)] string Image,
    [property: Id(4)] ResourcesPlan? Resources,
    [property: Id(5)] int Order = 0,
    [property: Id(6)] bool UsesCache = false
);
