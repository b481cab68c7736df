namespace Shipinator.Executors.Process;

/// <summary>Creates and removes the folders of job attempts, with the user that each one belongs to.</summary>
internal sealed class JobFolders(ProcessExecutorOptions options, TimeProvider time)
{
    private static readonly TimeSpan KillTimeout = TimeSpan.FromSeconds(10);
    private readonly StepUsers _users = new(options, time);
    private readonly CacheStore _caches = new(Path.Combine(options.Root, ".cache"), options.CacheBytes, time);

    /// <summary>The step's <c>HOME</c>, the same for all steps of the job attempt.</summary>
    public static string Home(string job) => Path.Combine(job, "home");

    /// <summary>The step's <c>TMPDIR</c>.</summary>
    public static string Temporary(string job) => Path.Combine(job, "tmp");

    /// <summary>The job attempt's folder of caches.</summary>
    public static string Cache(string job) => Path.Combine(job, "cache");

    /// <summary>
    /// The user that a job attempt's folder belongs to; null when jobs have no separate user. Errors: <see cref="IOException"/> when
    /// the folder was created with other settings: nothing may be started in it as its owner.
    /// </summary>
    public uint? User(WorkerFolder folder)
    {
        if (!options.IsIsolated || Unix.Stat(folder.Path) is not { } entry)
        {
            return null;
        }

        return _users.Contains(entry.User)
            ? entry.User
            : throw new IOException(
                $"{folder.Path} belongs to user {entry.User}, which is not one of the user ids {options.FirstUserId} to "
                    + $"{options.FirstUserId + (uint)options.UserIds - 1}: it was created with other settings of Shipinator:Process."
            );
    }

    /// <summary>
    /// Creates the folder if it does not exist, completely or not at all. Errors: <see cref="IOException"/>,
    /// <see cref="UnauthorizedAccessException"/>.
    /// </summary>
    public async Task MakeAsync(WorkerFolder folder, WorkerSpec worker, CancellationToken cancellationToken)
    {
        if (Directory.Exists(folder.Path))
        {
            return;
        }

        if (!options.IsIsolated)
        {
            Directory.CreateDirectory(options.Root, WorkerFolder.OwnerOnly);
            Directory.CreateDirectory(WorkerFolder.ControlFolder(options.Root), WorkerFolder.OwnerOnly);
            Directory.CreateDirectory(folder.Own, WorkerFolder.OwnerOnly);
            Directory.CreateDirectory(folder.Path, WorkerFolder.OwnerOnly);
            if (options.CacheFolder is { } cache)
            {
                Directory.CreateDirectory(cache, WorkerFolder.OwnerOnly);
                File.SetUnixFileMode(cache, WorkerFolder.OwnerOnly);
            }

            return;
        }

        StepIsolation.PrepareFolders(options);
        using var alone = await _users.LockAsync(cancellationToken);
        if (Directory.Exists(folder.Path))
        {
            return;
        }

        // Left unfinished by a server that was killed.
        if (await FolderRemoval.RemoveAsync(folder.Unfinished, cancellationToken) is { } trouble)
        {
            throw new IOException(trouble);
        }

        var user = _users.Allocate(folder.Path);
        Directory.CreateDirectory(WorkerFolder.ControlFolder(options.Root));
        File.SetUnixFileMode(WorkerFolder.ControlFolder(options.Root), WorkerFolder.Passable);
        Directory.CreateDirectory(folder.Own);
        Unix.ChangeOwner(folder.Own, 0, user);
        File.SetUnixFileMode(folder.Own, WorkerFolder.OwnerOnly | UnixFileMode.GroupExecute);
        Directory.CreateDirectory(folder.Unfinished, WorkerFolder.OwnerOnly);
        List<string> all = [Home(folder.Unfinished), Temporary(folder.Unfinished)];
        all.ForEach(f => Directory.CreateDirectory(f, WorkerFolder.OwnerOnly));
        if (options.CacheFolder is not null)
        {
            var scope = worker.RepositoryId.ToString();
            // Without this file nothing is collected: a fork's step can also write to its own cache folder without its runner.
            if (!worker.HasReadOnlyCaches)
            {
                await File.WriteAllTextAsync(folder.CacheScopeFile, scope, cancellationToken);
            }

            _caches.LinkInto(scope, Cache(folder.Unfinished));
            all.AddRange([Cache(folder.Unfinished), Path.Combine(Cache(folder.Unfinished), scope)]);
        }

        // The outermost folder last: until then only root can enter.
        all.ForEach(f => Unix.ChangeOwner(f, user, user));
        Unix.ChangeOwner(folder.Unfinished, user, user);
        Directory.Move(folder.Unfinished, folder.Path);
    }

    /// <summary>
    /// Kills every process of the job's user, stores its caches, and removes its folder. Null when nothing is left; else the problem.
    /// Errors: <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>.
    /// </summary>
    public async Task<string?> RemoveAsync(WorkerFolder folder, CancellationToken cancellationToken)
    {
        var user = Unix.Stat(folder.Path)?.User;
        if (options.IsIsolated && user is { } own && _users.Contains(own))
        {
            if (!await _users.KillAllAsync(own, KillTimeout, cancellationToken))
            {
                return $"processes of user {own} could not be killed";
            }

            if (options.CacheFolder is not null && File.Exists(folder.CacheScopeFile))
            {
                var scope = await File.ReadAllTextAsync(folder.CacheScopeFile, cancellationToken);
                try
                {
                    await Task.Run(() => _caches.Collect(scope, Cache(folder.Path), own), cancellationToken);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // For example, the disk is full. A cache is optional; removing the folder matters more.
                }

                File.Delete(folder.CacheScopeFile);
            }
        }

        if (await FolderRemoval.RemoveAsync(folder.Unfinished, cancellationToken) is { } first)
        {
            return first;
        }

        if (await FolderRemoval.RemoveAsync(folder.Path, cancellationToken) is { } second)
        {
            return second;
        }

        if (user is { } former && options.IsIsolated)
        {
            _users.Release(former, folder.Path);
        }

        return await FolderRemoval.RemoveAsync(folder.Own, cancellationToken);
    }
}
