using LibGit2Sharp;
using Microsoft.Extensions.Options;
using Shipinator.Encodings;

namespace Shipinator.Forges.Git;

/// <summary>
/// Plain Git, by LibGit2Sharp: a local path is read where it is; a URL is kept as a bare mirror that is fetched when asked.
/// </summary>
public sealed class GitForge : IForge
{
    private readonly GitMirrors _mirrors;
    private readonly int _maxFileBytes;

    /// <summary>Opens nothing yet.</summary>
    public GitForge(IOptions<ForgeOptions> options, IGitCredentials credentials)
    {
        ArgumentNullException.ThrowIfNull(options);
        // Repositories often belong to another user than the server's; reading them is all that is done here.
        GlobalSettings.SetOwnerValidation(false);
        _mirrors = new(options.Value.CacheRoot, credentials);
        _maxFileBytes = options.Value.MaxFileBytes;
    }

    /// <inheritdoc/>
    public string Provider => "git";

    /// <inheritdoc/>
    public Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken) =>
        _mirrors.UseAsync(repository, fresh: true, git =>
        {
            var (fullRef, commit) = Find(git, gitRef)
                ?? throw new ForgeException(ForgeException.RefNotFound, $"'{gitRef}' is no branch, tag or commit of {repository.CloneUrl}.");
            return new ResolvedRef(fullRef, commit.Sha, commit.Message.Trim(), commit.Author.Name);
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken) =>
        _mirrors.UseAsync(repository, fresh: false, git =>
        {
            var found = git.Lookup<Commit>(commit)
                ?? throw new ForgeException(ForgeException.RefNotFound, $"Commit {commit} is not in {repository.CloneUrl}.");
            var blob = found[path]?.Target as Blob
                ?? throw new ForgeException(ForgeException.FileNotFound, $"There is no file {path} at commit {found.Sha[..8]} of {repository.CloneUrl}.");
            return blob.Size <= _maxFileBytes
                ? Text(blob, $"{path} at commit {found.Sha[..8]}")
                : throw new ForgeException(ForgeException.FileNotFound, $"{path} at commit {found.Sha[..8]} has {blob.Size} bytes; at most {_maxFileBytes} are read.");
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>?> ChangedFiles(ForgeRepository repository, string baseCommit, string headCommit, CancellationToken cancellationToken) =>
        _mirrors.UseAsync<IReadOnlyList<string>?>(repository, fresh: false, git =>
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
            return [.. changes.SelectMany(c => new[] { c.OldPath, c.Path }).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken) =>
        _mirrors.UseAsync<IReadOnlyList<string>>(repository, fresh: true, git =>
            [.. git.Refs.Select(r => r.CanonicalName).Where(n => n.StartsWith("refs/heads/", StringComparison.Ordinal) || n.StartsWith("refs/tags/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)],
            cancellationToken);

    /// <summary>Never with characters in place of bytes: another script would run than was written.</summary>
    private static string Text(Blob blob, string what)
    {
        using var stream = blob.GetContentStream();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return Utf8Text.Read(bytes.ToArray(), out var problem)
            ?? throw new ForgeException(ForgeException.NotUtf8, $"{what}, line {problem!.Line}, column {problem.Column}: {problem.Message}");
    }

    /// <summary>A full ref, a branch, a tag, or a commit id of at least seven digits; branches win over tags.</summary>
    private static (string FullRef, Commit Commit)? Find(Repository git, string name)
    {
        foreach (var candidate in name.StartsWith("refs/", StringComparison.Ordinal) ? [name] : new[] { $"refs/heads/{name}", $"refs/tags/{name}" })
        {
            if (Reference.IsValidName(candidate) && git.Refs[candidate]?.ResolveToDirectReference()?.Target is { } target && target.Peel<Commit>() is { } commit)
            {
                return (candidate, commit);
            }
        }

        if (name == "HEAD" && git.Head.Tip is { } head)
        {
            return (git.Head.CanonicalName, head);
        }

        if (name.Length is < 7 or > 64 || !name.All(char.IsAsciiHexDigit) || git.Lookup<Commit>(name) is not { } byId)
        {
            return null;
        }

        var holder = git.Branches.Where(b => !b.IsRemote).FirstOrDefault(b => b.Tip?.Sha == byId.Sha);
        return (holder?.CanonicalName ?? byId.Sha, byId);
    }
}
