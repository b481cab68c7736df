namespace Shipinator;

/// <summary>The immutable input of a job, stored in its row.</summary>
[GenerateSerializer, Alias("shipinator.job-spec"), Immutable]
public sealed record JobSpec
{
    [Id(0)]
    public required RunId RunId { get; init; }

    [Id(1)]
    public required ProjectId ProjectId { get; init; }

    [Id(2)]
    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The run's number in its repository.</summary>
    [Id(3)]
    public required long RunNumber { get; init; }

    [Id(4)]
    public required string ProjectName { get; init; }

    /// <summary>The repository's name: the last part of its clone URL without <c>.git</c>.</summary>
    [Id(5)]
    public required string RepositoryName { get; init; }

    /// <summary>What to check out.</summary>
    [Id(6)]
    public required SourceSpec Source { get; init; }

    /// <summary>What triggered the run, without the list of changed files.</summary>
    [Id(7)]
    public required TriggerFacts Trigger { get; init; }

    /// <summary>Which executor runs the job: <c>process</c>, <c>kubernetes</c>.</summary>
    [Id(8)]
    public required string Executor { get; init; }

    /// <summary>The job's part of the plan.</summary>
    [Id(9)]
    public required JobPlan Plan { get; init; }
}
