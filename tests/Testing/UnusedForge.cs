namespace Shipinator.Testing;

/// <summary>A forge of which a test uses a part: the rest must not be called.</summary>
public abstract class UnusedForge : IForge
{
    public abstract string Provider { get; }

    public virtual Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public virtual Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public virtual Task<IReadOnlyList<string>?> ChangedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    ) => throw new NotSupportedException();

    public virtual Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public virtual Task<ResolvedRef> ResolveCommit(ForgeRepository repository, string commit, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public virtual Task<CommitFile> ReadAt(
        ForgeRepository repository,
        string gitRef,
        string? commit,
        string path,
        CancellationToken cancellationToken
    ) => throw new NotSupportedException();

    public virtual Task<bool> HasRef(ForgeRepository repository, string fullRef, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public virtual Task<string?> DefaultBranch(ForgeRepository repository, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
