using LibGit2Sharp;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Shipinator.Encodings;

namespace Shipinator.Forges.Git;

/// <summary>
/// Plain Git: a local path is read in place; a URL is mirrored to a bare repository, which the <c>git</c> program fetches on demand.
/// LibGit2Sharp reads what is on the disk.
/// </summary>
public sealed class GitForge : IForge, IDisposable
{
    private const string Heads = "refs/heads/";
    private const int ShortestId = 7;
    private readonly GitRemote _remote;
    private readonly GitMirrors _mirrors;
    private readonly int _maxFileBytes;

    /// <summary>Does not access any repository yet.</summary>
    public GitForge(IOptions<ForgeOptions> options, IRepositoryCredentials credentials, TimeProvider time, ILogger<GitForge>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        // Repositories often belong to another user than the server's, and they are only read here.
        GlobalSettings.SetOwnerValidation(false);
        var policy = new ClonePolicy(options);
        _remote = new(options.Value, policy, credentials, time, logger ?? NullLogger<GitForge>.Instance);
        _mirrors = new(options.Value.CacheRoot, options.Value.WaitTimeout, policy, _remote, time);
        _maxFileBytes = options.Value.MaxFileBytes;
    }

    /// <inheritdoc/>
    public string Provider => "git";

    /// <summary>The mirrors of remote repositories.</summary>
    public IRepositoryMirrors Mirrors => _mirrors;

    /// <inheritdoc/>
    public void Dispose()
    {
        _mirrors.Dispose();
        _remote.Dispose();
    }

    /// <inheritdoc/>
    public async Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(gitRef);
        // A mirror's own HEAD is unrelated to the remote's.
        var name = gitRef == "HEAD" ? await _mirrors.HeadAsync(repository, cancellationToken) ?? gitRef : gitRef;
        return await FindAsync(repository, gitRef, git => Find(git, name), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<ResolvedRef> ResolveCommit(ForgeRepository repository, string commit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(commit);
        return FindAsync(repository, commit, git => FindCommit(git, commit), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<string?> DefaultBranch(ForgeRepository repository, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return await _mirrors.HeadAsync(repository, cancellationToken) is { } head && head.StartsWith(Heads, StringComparison.Ordinal)
            ? head[Heads.Length..]
            : null;
    }

    /// <inheritdoc/>
    public async Task<CommitFile> ReadAt(
        ForgeRepository repository,
        string gitRef,
        string? commit,
        string path,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(gitRef);
        var name = gitRef == "HEAD" ? await _mirrors.HeadAsync(repository, cancellationToken) ?? gitRef : gitRef;
        var found = await _mirrors.UseAsync(
            repository,
            fresh: true,
            git =>
            {
                var (fullRef, target) = commit is null
                    ? Require(repository, gitRef, () => Find(git, name))
                    : WithCommit(git, repository, name, commit);
                var head = new ResolvedRef(fullRef, target.Sha, target.Message.Trim(), target.Author.Name);
                return new CommitFile(head, Text(target, path, repository));
            },
            cancellationToken
        );
        return found with { Head = found.Head with { MovedTo = _mirrors.MovedTo(repository.Id) } };
    }

    /// <inheritdoc/>
    public Task<bool> HasRef(ForgeRepository repository, string fullRef, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(fullRef);
        return _mirrors.HasRefAsync(repository, fullRef, cancellationToken);
    }

    private async Task<ResolvedRef> FindAsync(
        ForgeRepository repository,
        string name,
        Func<Repository, (string FullRef, Commit Commit)?> find,
        CancellationToken cancellationToken
    )
    {
        var found = await _mirrors.UseAsync(
            repository,
            fresh: true,
            git =>
            {
                var (fullRef, commit) = Require(repository, name, () => find(git));
                return new ResolvedRef(fullRef, commit.Sha, commit.Message.Trim(), commit.Author.Name);
            },
            cancellationToken
        );
        return found with { MovedTo = _mirrors.MovedTo(repository.Id) };
    }

    /// <summary>What was found. Errors: <see cref="ForgeException"/> when nothing was, or several commits were.</summary>
    private static (string FullRef, Commit Commit) Require(
        ForgeRepository repository,
        string name,
        Func<(string FullRef, Commit Commit)?> find
    )
    {
        try
        {
            return find()
                ?? throw new ForgeException(
                    ForgeException.RefNotFound,
                    $"'{Shown(name)}' is not a branch, tag or commit of {repository.CloneUrl}."
                );
        }
        catch (AmbiguousSpecificationException e)
        {
            throw new ForgeException(
                ForgeException.RefAmbiguous,
                $"'{Shown(name)}' is the beginning of several commit ids in {repository.CloneUrl}; use a longer one.",
                e
            );
        }
    }

    /// <summary>The commit, with the ref that holds it.</summary>
    private static (string FullRef, Commit Commit) WithCommit(Repository git, ForgeRepository repository, string gitRef, string id)
    {
        var found = Require(repository, id, () => FindCommit(git, id));
        // The ref may be the commit itself, when no ref holds it.
        if (string.Equals(gitRef, id, StringComparison.OrdinalIgnoreCase))
        {
            return found;
        }

        var (fullRef, tip) = Require(repository, gitRef, () => Find(git, gitRef));
        return git.ObjectDatabase.FindMergeBase(tip, found.Commit)?.Sha == found.Commit.Sha
            ? (fullRef, found.Commit)
            : throw new ForgeException(
                ForgeException.CommitNotInRef,
                $"Commit {found.Commit.Sha} is not reachable from '{Shown(gitRef)}' of {repository.CloneUrl}; "
                    + "use a ref that contains it, or the commit itself as the ref."
            );
    }

    private static string Shown(string name) => name.Length > 100 ? name[..100] + "…" : name;

    /// <inheritdoc/>
    public Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken) =>
        _mirrors.UseAsync(
            repository,
            fresh: false,
            git =>
            {
                var found =
                    git.Lookup<Commit>(commit)
                    ?? throw new ForgeException(ForgeException.RefNotFound, $"Commit {commit} is not in {repository.CloneUrl}.");
                return Text(found, path, repository);
            },
            cancellationToken
        );

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>?> ChangedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    ) =>
        _mirrors.UseAsync<IReadOnlyList<string>?>(
            repository,
            fresh: false,
            git =>
            {
                if (git.Lookup<Commit>(baseCommit) is not { } from || git.Lookup<Commit>(headCommit) is not { } to)
                {
                    return null;
                }

                var common = git.ObjectDatabase.FindMergeBase(from, to);
                if (common is null)
                {
                    return null;
                }

                using var changes = git.Diff.Compare<TreeChanges>(common.Tree, to.Tree);
                return
                [
                    .. changes.SelectMany(c => new[] { c.OldPath, c.Path }).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
                ];
            },
            cancellationToken
        );

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken) =>
        _mirrors.UseAsync<IReadOnlyList<string>>(
            repository,
            fresh: true,
            git =>
                [
                    .. git
                        .Refs.Select(r => r.CanonicalName)
                        .Where(n =>
                            n.StartsWith("refs/heads/", StringComparison.Ordinal) || n.StartsWith("refs/tags/", StringComparison.Ordinal)
                        )
                        .Order(StringComparer.Ordinal),
                ],
            cancellationToken
        );

    private string Text(Commit commit, string path, ForgeRepository repository)
    {
        var blob =
            commit[path]?.Target as Blob
            ?? throw new ForgeException(
                ForgeException.FileNotFound,
                $"There is no file {path} at commit {commit.Sha[..8]} of {repository.CloneUrl}."
            );
        return blob.Size <= _maxFileBytes
            ? Text(blob, $"{path} at commit {commit.Sha[..8]}")
            : throw new ForgeException(
                ForgeException.FileNotFound,
                $"{path} at commit {commit.Sha[..8]} has {blob.Size} bytes; at most {_maxFileBytes} are read."
            );
    }

    /// <summary>Decodes strictly: with replaced bytes another script would run than was written.</summary>
    private static string Text(Blob blob, string what)
    {
        using var stream = blob.GetContentStream();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return Utf8Text.Read(bytes.ToArray(), out var problem)
            ?? throw new ForgeException(
                ForgeException.NotUtf8,
                $"{what}, line {problem!.Line}, column {problem.Column}: {problem.Message}"
            );
    }

    private static (string FullRef, Commit Commit)? Find(Repository git, string name)
    {
        if (name.StartsWith("refs/", StringComparison.Ordinal))
        {
            return FindRef(git, name);
        }

        var branch = FindRef(git, Heads + name);
        var tag = FindRef(git, "refs/tags/" + name);
        return branch is not null && tag is not null
            ? throw new ForgeException(
                ForgeException.RefAmbiguous,
                $"'{name}' is both a branch and a tag. Use {Heads}{name} or refs/tags/{name}."
            )
            : branch ?? tag ?? FindCommit(git, name);
    }

    private static (string FullRef, Commit Commit)? FindRef(Repository git, string fullRef) =>
        Reference.IsValidName(fullRef)
        && git.Refs[fullRef]?.ResolveToDirectReference()?.Target is { } target
        && target.Peel<Commit>() is { } commit
            ? (fullRef, commit)
            : null;

    /// <summary>Finds a commit by its id; the ref is the branch whose tip it is, if any.</summary>
    private static (string FullRef, Commit Commit)? FindCommit(Repository git, string id)
    {
        // LibGit2 would look for a ref with this name first.
        var wanted = id.ToLowerInvariant();
        if (id.Length is < ShortestId or > 64 || !id.All(char.IsAsciiHexDigit) || LookUp(git, wanted) is not { } commit)
        {
            return null;
        }

        var holder = git.Branches.Where(b => !b.IsRemote).FirstOrDefault(b => b.Tip?.Sha == commit.Sha);
        return (holder?.CanonicalName ?? commit.Sha, commit);
    }

    private static Commit? LookUp(Repository git, string id) =>
        ObjectId.TryParse(id, out var whole) ? git.Lookup<Commit>(whole)
        : git.Lookup<Commit>(id) is { } found && found.Sha.StartsWith(id, StringComparison.Ordinal) ? found
        : null;
}
