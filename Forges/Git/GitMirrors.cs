using System.Collections.Concurrent;
using LibGit2Sharp;

namespace Shipinator.Forges.Git;

/// <summary>
/// Access to repositories: in place, or through a bare mirror in the cache folder, which one caller uses at a time. Silos may share the
/// folder: a file next to each mirror is locked while it is in use.
/// </summary>
internal sealed class GitMirrors(string root, TimeSpan patience, ClonePolicy policy, GitRemote remote, TimeProvider time)
    : IRepositoryMirrors,
        IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const string MirrorSuffix = ".git";
    private const string LockSuffix = ".lock";
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(50);
    private readonly ConcurrentDictionary<RepositoryId, SemaphoreSlim> _gates = new();
    private readonly ConcurrentDictionary<RepositoryId, CloneAddress> _moved = new();

    /// <summary>LibGit2 blocks on the disk: limits the number of threads that it uses.</summary>
    private readonly SemaphoreSlim _readers = new(2 * Environment.ProcessorCount, 2 * Environment.ProcessorCount);

    /// <summary>Opens (and with <paramref name="fresh"/> fetches) the repository. Errors: <see cref="ForgeException"/>.</summary>
    public async Task<T> UseAsync<T>(ForgeRepository repository, bool fresh, Func<Repository, T> use, CancellationToken cancellationToken)
    {
        if (ClonePolicy.IsLocal(repository.CloneUrl))
        {
            return await ReadAsync(policy.LocalPath(repository.CloneUrl), repository, use, cancellationToken);
        }

        var address = policy.Address(repository.CloneUrl);
        using var gate = await TakeAsync(repository.Id, address, cancellationToken);
        var folder = Folder(repository.Id);
        if (!Repository.IsValid(folder))
        {
            Create(folder);
            fresh = true;
        }

        if (fresh)
        {
            RemoveStaleLocks(folder);
            if (await remote.FetchAsync(folder, repository, cancellationToken) is { } moved)
            {
                _moved[repository.Id] = moved;
            }
            else
            {
                _moved.TryRemove(repository.Id, out _);
            }
        }

        Directory.SetLastWriteTimeUtc(folder, time.GetUtcNow().UtcDateTime);
        return await ReadAsync(folder, repository, use, cancellationToken);
    }

    /// <summary>Where the last fetch found the repository, when that differs from its clone URL.</summary>
    public string? MovedTo(RepositoryId repository) => _moved.TryGetValue(repository, out var address) ? address.Url : null;

    /// <summary>The full ref that <c>HEAD</c> names; null when there is none.</summary>
    public async Task<string?> HeadAsync(ForgeRepository repository, CancellationToken cancellationToken)
    {
        if (ClonePolicy.IsLocal(repository.CloneUrl))
        {
            return await ReadAsync(policy.LocalPath(repository.CloneUrl), repository, HeadOf, cancellationToken);
        }

        PrepareRoot();
        return await remote.HeadAsync(root, repository, cancellationToken);
    }

    /// <summary>Whether a full ref exists now; nothing is fetched. Errors: <see cref="ForgeException"/>.</summary>
    public async Task<bool> HasRefAsync(ForgeRepository repository, string fullRef, CancellationToken cancellationToken)
    {
        if (ClonePolicy.IsLocal(repository.CloneUrl))
        {
            return await ReadAsync(
                policy.LocalPath(repository.CloneUrl),
                repository,
                git => Reference.IsValidName(fullRef) && git.Refs[fullRef] is not null,
                cancellationToken
            );
        }

        PrepareRoot();
        return await remote.HasRefAsync(root, repository, fullRef, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task Forget(RepositoryId repository, CancellationToken cancellationToken)
    {
        var folder = Folder(repository);
        if (!Directory.Exists(folder) && !File.Exists(LockFile(repository)))
        {
            return;
        }

        using (await TakeAsync(repository, null, cancellationToken))
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            File.Delete(LockFile(repository));
        }

        _gates.TryRemove(repository, out _);
        _moved.TryRemove(repository, out _);
    }

    /// <inheritdoc/>
    public IReadOnlyList<RepositoryId> Unused(TimeSpan age)
    {
        var before = (time.GetUtcNow() - age).UtcDateTime;
        return !Directory.Exists(root)
            ? []
            :
            [
                .. new DirectoryInfo(root)
                    .EnumerateFileSystemInfos()
                    .Where(e =>
                        e.Name.EndsWith(MirrorSuffix, StringComparison.Ordinal) || e.Name.EndsWith(LockSuffix, StringComparison.Ordinal)
                    )
                    .Where(e => e.LastWriteTimeUtc < before)
                    .Select(e =>
                        EntityId.TryParse<RepositoryId>(Path.GetFileNameWithoutExtension(e.Name), out var id) ? id : (RepositoryId?)null
                    )
                    .OfType<RepositoryId>()
                    .Distinct(),
            ];
    }

    public void Dispose() => _readers.Dispose();

    /// <summary>Takes exclusive access to a mirror, in this process and among all that share the folder.</summary>
    private async Task<IDisposable> TakeAsync(RepositoryId repository, CloneAddress? address, CancellationToken cancellationToken)
    {
        PrepareRoot();
        var gate = _gates.GetOrAdd(repository, _ => new(1, 1));
        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await gate.WaitAsync(either.Token);
            try
            {
                return new Hold(gate, await LockAsync(LockFile(repository), either.Token));
            }
            catch
            {
                gate.Release();
                throw;
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ForgeException(
                ForgeException.Unreachable,
                $"Another fetch of {address?.Url ?? $"repository {repository}"} is still running after {patience.TotalSeconds:0} s. "
                    + "Retry later.",
                e
            );
        }
    }

    private async Task<FileStream> LockAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(
                    path,
                    new FileStreamOptions
                    {
                        Mode = FileMode.OpenOrCreate,
                        Access = FileAccess.ReadWrite,
                        Share = FileShare.None,
                        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                    }
                );
            }
            catch (IOException)
            {
                await Task.Delay(LockRetry, time, cancellationToken);
            }
        }
    }

    private async Task<T> ReadAsync<T>(
        string path,
        ForgeRepository repository,
        Func<Repository, T> use,
        CancellationToken cancellationToken
    )
    {
        await _readers.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Read(path, repository, use), cancellationToken);
        }
        finally
        {
            _readers.Release();
        }
    }

    private static T Read<T>(string path, ForgeRepository repository, Func<Repository, T> use)
    {
        try
        {
            using var git = new Repository(path);
            return use(git);
        }
        catch (LibGit2SharpException e)
        {
            throw ReadFailure.Of(repository, path, e);
        }
    }

    /// <summary>A branch, or the commit that is checked out without one.</summary>
    private static string? HeadOf(Repository git) =>
        git.Head.Tip is not { } tip ? null
        : git.Head.CanonicalName.StartsWith("refs/", StringComparison.Ordinal) ? git.Head.CanonicalName
        : tip.Sha;

    private void PrepareRoot()
    {
        Directory.CreateDirectory(root, OwnerOnly);
        if (File.GetUnixFileMode(root) != OwnerOnly)
        {
            File.SetUnixFileMode(root, OwnerOnly);
        }
    }

    /// <summary>Replaces an incomplete mirror, if any: it is only a cache.</summary>
    private static void Create(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.CreateDirectory(folder, OwnerOnly);
        Repository.Init(folder, isBare: true);
    }

    /// <summary>Removes the leftovers of a killed git process; the mirror is locked.</summary>
    private static void RemoveStaleLocks(string folder)
    {
        File.SetUnixFileMode(folder, OwnerOnly);
        foreach (
            var file in Directory
                .EnumerateFiles(folder, "*.lock")
                .Concat(Directory.EnumerateFiles(Path.Combine(folder, "refs"), "*.lock", SearchOption.AllDirectories))
        )
        {
            File.Delete(file);
        }

        var packs = Path.Combine(folder, "objects", "pack");
        if (Directory.Exists(packs))
        {
            foreach (var file in Directory.EnumerateFiles(packs, "tmp_*"))
            {
                File.Delete(file);
            }
        }
    }

    private string Folder(RepositoryId repository) => Path.Combine(root, repository + MirrorSuffix);

    private string LockFile(RepositoryId repository) => Path.Combine(root, repository + LockSuffix);

    private sealed class Hold(SemaphoreSlim gate, FileStream file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            gate.Release();
        }
    }
}
