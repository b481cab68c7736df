using Shipinator.Forges.Git;

namespace Shipinator.Forges;

/// <summary>
/// A forge whose repositories are read by Git, from this server's mirror of them. Commits, files and refs come from the mirror and not
/// from the API of the forge: the mirror answers the same for every forge and version, is not rate limited, and a file that it does not
/// have at a commit does not exist there. A forge derives from it and adds what only its API can do.
/// </summary>
public abstract class MirroredForge(GitForge git) : IForge
{
    /// <inheritdoc/>
    public abstract string Provider { get; }

    /// <inheritdoc/>
    public Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken) =>
        git.Resolve(repository, gitRef, cancellationToken);

    /// <inheritdoc/>
    public Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken) =>
        git.ReadFile(repository, commit, path, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>?> ChangedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    )
    {
        if (await git.ChangedFiles(repository, baseCommit, headCommit, cancellationToken) is { } files)
        {
            return files;
        }

        try
        {
            // The forge may still know a commit that no ref contains any more: the one before a forced push.
            return await ComparedFiles(repository, baseCommit, headCommit, cancellationToken);
        }
        catch (ForgeRequestException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken) =>
        git.ListRefs(repository, cancellationToken);

    /// <inheritdoc/>
    public Task<ResolvedRef> ResolveCommit(ForgeRepository repository, string commit, CancellationToken cancellationToken) =>
        git.ResolveCommit(repository, commit, cancellationToken);

    /// <inheritdoc/>
    public Task<CommitFile> ReadAt(
        ForgeRepository repository,
        string gitRef,
        string? commit,
        string path,
        CancellationToken cancellationToken
    ) => git.ReadAt(repository, gitRef, commit, path, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> HasRef(ForgeRepository repository, string fullRef, CancellationToken cancellationToken) =>
        git.HasRef(repository, fullRef, cancellationToken);

    /// <inheritdoc/>
    public Task<string?> DefaultBranch(ForgeRepository repository, CancellationToken cancellationToken) =>
        git.DefaultBranch(repository, cancellationToken);

    /// <summary>
    /// The paths that differ between two commits by the API of the forge; null when it can't list all of them. Errors:
    /// <see cref="ForgeRequestException"/>.
    /// </summary>
    private protected virtual Task<IReadOnlyList<string>?> ComparedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    ) => Task.FromResult<IReadOnlyList<string>?>(null);

    /// <summary>
    /// The paths that a pull request changes, by the mirror: from where its head left the base. Null when the mirror can't tell.
    /// </summary>
    private protected async Task<IReadOnlyList<string>?> MirroredFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    )
    {
        try
        {
            // Fetches, so that the mirror has the head if any ref does.
            await git.ResolveCommit(repository, headCommit, cancellationToken);
            return await git.ChangedFiles(repository, baseCommit, headCommit, cancellationToken);
        }
        catch (ForgeException)
        {
            return null;
        }
    }
}
