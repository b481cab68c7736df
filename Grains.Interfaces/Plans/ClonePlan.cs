namespace Shipinator;

/// <summary>How a job's commit is checked out.</summary>
[GenerateSerializer, Alias("shipinator.clone-plan"), Immutable]
public sealed record ClonePlan
{
    /// <summary>The number of commits of history; 0: all.</summary>
    [Id(0)]
    public int Depth { get; init; } = 1;

    /// <summary>Whether all tags are fetched.</summary>
    [Id(1)]
    public bool Tags { get; init; }

    /// <summary><c>true</c>, or <c>recursive</c> for those of submodules, too; absent: none.</summary>
    [Id(2)]
    public string? Submodules { get; init; }

    /// <summary>Whether the content of Git LFS files is fetched.</summary>
    [Id(3)]
    public bool Lfs { get; init; }

    /// <summary>A filter for a partial clone, such as <c>blob:none</c>.</summary>
    [Id(4)]
    public string? Filter { get; init; }
}
