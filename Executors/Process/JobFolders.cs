namespace Shipinator.Executors.Process;

/// <summary>Makes job attempts' folders and takes them away, with the user that each one belongs to.</summary>
internal sealed class JobFolders(ProcessExecutorOptions options, TimeProvider time)
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);
    private readonly StepUsers _users = new(options, time);
    private readonly CacheShelf _shelf = new(Path.Combine(options.Root, ".cache"), options.CacheBytes, time);

    /// <summary>The step's <c>HOME</c>, the same for all steps of the job attempt.</summary>
    public static string Home(string job) => Path.Combine(job, "home");

    /// <summary>The step's <c>TMPDIR</c>.</summary>
    public static string Temporary(string job) => Path.Combine(job, "tmp");

    /// <summary>The job's own folder of caches.</summary>
    public static string Cache(string job) => Path.Combine(job, "cache");

    /// <summary>
    /// The user of a job's folder; null when jobs have none. Errors: <see cref="IOException"/> when the folder was made
    /// for another kind of server: nothing may be started in it as whoever has it.
    /// </summary>
    public uint? User(WorkerFolder folder)
    {
        if (!options.IsIsolated || Unix.Look(folder.Path) is not { } entry)
        {
            return null;
        }

        return _users.Contains(entry.User)
            ? entry.User
            : throw new IOException(
                $"{folder.Path} belongs to user {entry.User}, which is none of the user ids {options.FirstUserId} to {options.FirstUserId + (uint)options.UserIds - 1}: it was made with other settings of Shipinator:Process."
            );
    }

    /// <summary>Makes the folder if it is not there, whole or not at all. Errors: <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>.</summary>
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

        StepIsolation.OpenFolders(options);
        using var alone = await _users.LockAsync(cancellationToken);
        if (Directory.Exists(folder.Path))
        {
            return;
        }

        // What a server that was killed left half made.
        if (await Removal.RemoveAsync(folder.Unfinished, cancellationToken) is { } trouble)
        {
            throw new IOException(trouble);
        }

        var user = _users.Take(folder.Path);
        Directory.CreateDirectory(WorkerFolder.ControlFolder(options.Root));
        File.SetUnixFileMode(WorkerFolder.ControlFolder(options.Root), WorkerFolder.Passable);
        Directory.CreateDirectory(folder.Own);
        Unix.Own(folder.Own, 0, user);
        File.SetUnixFileMode(folder.Own, WorkerFolder.OwnerOnly | UnixFileMode.GroupExecute);
        Directory.CreateDirectory(folder.Unfinished, WorkerFolder.OwnerOnly);
        List<string> all = [Home(folder.Unfinished), Temporary(folder.Unfinished)];
        all.ForEach(f => Directory.CreateDirectory(f, WorkerFolder.OwnerOnly));
        if (options.CacheFolder is not null)
        {
            var scope = worker.RepositoryId.ToString();
            await File.WriteAllTextAsync(folder.CacheScopeFile, scope, cancellationToken);
            _shelf.Lend(scope, Cache(folder.Unfinished));
            all.AddRange([Cache(folder.Unfinished), Path.Combine(Cache(folder.Unfinished), scope)]);
        }

        // The outermost last: until then nobody but root gets in.
        all.ForEach(f => Unix.Own(f, user, user));
        Unix.Own(folder.Unfinished, user, user);
        Directory.Move(folder.Unfinished, folder.Path);
    }

    /// <summary>
    /// Ends whatever runs as the job's user, keeps its caches, and removes its folder. Null when nothing is left; else what
    /// is in the way. Errors: <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>.
    /// </summary>
    public async Task<string?> RemoveAsync(WorkerFolder folder, CancellationToken cancellationToken)
    {
        var user = Unix.Look(folder.Path)?.User;
        if (options.IsIsolated && user is { } own && _users.Contains(own))
        {
            if (!await _users.EndAllAsync(own, EndPatience, cancellationToken))
            {
                return $"processes of user {own} don't end";
            }

            if (options.CacheFolder is not null && File.Exists(folder.CacheScopeFile))
            {
                var scope = await File.ReadAllTextAsync(folder.CacheScopeFile, cancellationToken);
                try
                {
                    await Task.Run(() => _shelf.TakeBack(scope, Cache(folder.Path), own), cancellationToken);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // The disk is full, for instance. A cache is a help, and the folder has to go all the more.
                }

                File.Delete(folder.CacheScopeFile);
            }
        }

        if (await Removal.RemoveAsync(folder.Unfinished, cancellationToken) is { } first)
        {
            return first;
        }

        if (await Removal.RemoveAsync(folder.Path, cancellationToken) is { } second)
        {
            return second;
        }

        if (user is { } former && options.IsIsolated)
        {
            _users.Free(former, folder.Path);
        }

        return await Removal.RemoveAsync(folder.Own, cancellationToken);
    }
}
