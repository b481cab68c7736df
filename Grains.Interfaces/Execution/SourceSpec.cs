namespace Shipinator;

/// <summary>What to check out.</summary>
[GenerateSerializer, Alias("shipinator.source-spec"), Immutable]
public sealed record SourceSpec
{
    /// <summary>A URL or an absolute local path that Git can clone; never with a credential.</summary>
    [Id(0)]
    public required string CloneUrl { get; init; }

    /// <summary>The full ref that contained the commit when the run was created.</summary>
    [Id(1)]
    public required string Ref { get; init; }

    /// <summary>The exact commit.</summary>
    [Id(2)]
    public required string Commit { get; init; }

    /// <summary>How to check it out; absent: the defaults.</summary>
    [Id(3)]
    public ClonePlan? CloneOptions { get; init; }
}
