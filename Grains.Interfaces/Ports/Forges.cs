namespace Shipinator;

/// <summary>
/// What we need of the place where a repository lives. Errors: <see cref="ForgeException"/> with one of its codes.
/// </summary>
public interface IForge
{
    /// <summary>The <c>vcs_provider</c> that it serves: <c>git</c>, <c>github</c>, <c>gitea</c>.</summary>
    string Provider { get; }

    /// <summary>Finds a branch, tag, full ref or commit id: <c>main</c>, <c>v1.0</c>, <c>refs/heads/main</c>, a SHA.</summary>
    Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken);

    /// <summary>The text of a file at a commit.</summary>
    Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken);

    /// <summary>The paths that differ between two commits; null when that cannot be known.</summary>
    Task<IReadOnlyList<string>?> ChangedFiles(ForgeRepository repository, string baseCommit, string headCommit, CancellationToken cancellationToken);

    /// <summary>Branches and tags, for completion: full refs.</summary>
    Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken);
}

/// <summary>What a forge must know of a repository.</summary>
public sealed record ForgeRepository(RepositoryId Id, string CloneUrl, string DefaultBranch);

/// <summary>A ref that was found, with its commit.</summary>
public sealed record ResolvedRef(string FullRef, string Commit, string? Message, string? Author);

/// <summary>Finds the forge of a provider.</summary>
public interface IForgeRegistry
{
    /// <summary>Errors: <see cref="InvalidInputException"/> that names the known providers.</summary>
    IForge Get(string provider);
}
