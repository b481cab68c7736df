namespace Shipinator;

/// <summary>
/// Access to a repository on its host. Errors: <see cref="ForgeException"/> with one of its codes.
/// </summary>
public interface IForge
{
    /// <summary>The <c>vcs_provider</c> that it implements: <c>git</c>, <c>github</c>, <c>gitea</c>.</summary>
    string Provider { get; }

    /// <summary>
    /// Finds a full ref, a branch or tag by its short name, or a commit by its id (at least seven digits), in this order:
    /// <c>refs/heads/main</c>, <c>main</c>, <c>v1.0</c>, a SHA. <c>HEAD</c> is the default branch. A name that is both a branch and a
    /// tag, and an id with which several commits begin, are errors (<see cref="ForgeException.RefAmbiguous"/>).
    /// </summary>
    Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken);

    /// <summary>The text of a file at a commit.</summary>
    Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken);

    /// <summary>The paths that differ between two commits; null when they can't be determined.</summary>
    Task<IReadOnlyList<string>?> ChangedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    );

    /// <summary>Branches and tags, for completion: full refs.</summary>
    Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken);

    /// <summary>Finds a commit by its id only, never by a ref with such a name.</summary>
    Task<ResolvedRef> ResolveCommit(ForgeRepository repository, string commit, CancellationToken cancellationToken);

    /// <summary>
    /// Finds a ref as <see cref="Resolve"/> does, or with <paramref name="commit"/> that commit, and reads a file there; the host is
    /// fetched from once. The commit must be reachable from the ref (<see cref="ForgeException.CommitNotInRef"/>); a ref that is the
    /// commit's own id always holds it.
    /// </summary>
    Task<CommitFile> ReadAt(ForgeRepository repository, string gitRef, string? commit, string path, CancellationToken cancellationToken);

    /// <summary>Whether a full ref exists now. Nothing is fetched.</summary>
    Task<bool> HasRef(ForgeRepository repository, string fullRef, CancellationToken cancellationToken);

    /// <summary>The branch that the repository's <c>HEAD</c> names; null when it does not exist.</summary>
    Task<string?> DefaultBranch(ForgeRepository repository, CancellationToken cancellationToken);
}

/// <summary>What a forge needs to know about a repository.</summary>
public sealed record ForgeRepository(RepositoryId Id, string CloneUrl, string DefaultBranch);

/// <summary>A ref that was found, with its commit.</summary>
public sealed record ResolvedRef(string FullRef, string Commit, string? Message, string? Author)
{
    /// <summary>The repository's new URL, when its host responded with a redirect; null: its clone URL is current.</summary>
    public string? MovedTo { get; init; }
}

/// <summary>A file at a commit, and the ref that led to it.</summary>
public sealed record CommitFile(ResolvedRef Head, string Text);

/// <summary>Which clone URLs this server allows.</summary>
public interface IClonePolicy
{
    /// <summary>
    /// Checks a clone URL by its text only: no lookup, no connection. Errors: <see cref="ForgeException"/> with
    /// <see cref="ForgeException.NotAllowed"/> that says what is wrong and which setting would allow it.
    /// </summary>
    void Check(string cloneUrl);
}

/// <summary>The server's mirrors of remote repositories.</summary>
public interface IRepositoryMirrors
{
    /// <summary>Removes the mirror of a repository, if there is one.</summary>
    Task Forget(RepositoryId repository, CancellationToken cancellationToken);

    /// <summary>The repositories whose mirror was not used for at least this long.</summary>
    IReadOnlyList<RepositoryId> Unused(TimeSpan age);
}

/// <summary>The forges, by provider.</summary>
public interface IForgeRegistry
{
    /// <summary>Errors: <see cref="InvalidInputException"/> that names the known providers.</summary>
    IForge Get(string provider);
}
