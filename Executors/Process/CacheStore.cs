using System.Text.RegularExpressions;

namespace Shipinator.Executors.Process;

/// <summary>
/// The caches of all repositories when steps have separate users; only root can write to them. A job gets those of its repository as
/// hard links that it can read but not change; what it stored itself is collected when it ends.
/// </summary>
internal sealed partial class CacheStore(string folder, long bytes, TimeProvider time)
{
    /// <summary>Of one job: more than steps with a cache can be in it.</summary>
    private const int MaxFiles = 1000;

    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Links a repository's caches into the job's folder, which must not belong to the job's user yet.</summary>
    public void LinkInto(string scope, string jobCache)
    {
        var target = Directory.CreateDirectory(Path.Combine(jobCache, scope), WorkerFolder.OwnerOnly).FullName;
        var source = Path.Combine(folder, scope);
        foreach (var file in Directory.Exists(source) ? Directory.EnumerateFiles(source) : [])
        {
            try
            {
                if (ArchiveName().IsMatch(Path.GetFileName(file)))
                {
                    Unix.CreateHardLink(file, Path.Combine(target, Path.GetFileName(file)));
                }
            }
            catch (IOException)
            {
                // Evicted in the meantime, or out of hard links: a cache miss.
            }
        }
    }

    /// <summary>Collects what the job stored. None of its user's processes may be running, since the files must not change.</summary>
    public void Collect(string scope, string jobCache, uint user)
    {
        var source = Path.Combine(jobCache, scope);
        if (Unix.Stat(jobCache) is not { IsFolder: true } || Unix.Stat(source) is not { IsFolder: true })
        {
            return;
        }

        Directory.CreateDirectory(folder, WorkerFolder.OwnerOnly);
        var target = Directory.CreateDirectory(Path.Combine(folder, scope), WorkerFolder.OwnerOnly).FullName;
        var left = bytes;
        var count = 0;
        var total = Evict(0);
        foreach (var file in Directory.EnumerateFiles(source))
        {
            var name = Path.GetFileName(file);
            if (UsedMarkerName().IsMatch(name) && File.Exists(Path.Combine(target, name[..^".used".Length])))
            {
                File.SetLastWriteTimeUtc(Path.Combine(target, name[..^".used".Length]), time.GetUtcNow().UtcDateTime);
            }
            else if (
                ArchiveName().IsMatch(name)
                && Unix.Stat(file) is { IsFile: true } entry
                && entry.User == user
                && new FileInfo(file).Length is var length
                && length <= left
                && count < MaxFiles
            )
            {
                // A step can leave any number of files: together they get no more than the limit, and room is made first,
                // so that the disk never holds more than that.
                left -= length;
                count++;
                if (total + length > bytes)
                {
                    total = Evict(length);
                }

                total += length;
                Store(file, Path.Combine(target, $".{user}-{name}.new"), Path.Combine(target, name));
            }
        }
    }

    /// <summary>Copies instead of moving: the job could still hold the file open.</summary>
    private void Store(string file, string unfinished, string target)
    {
        try
        {
            File.Copy(file, unfinished, overwrite: true);
            File.SetUnixFileMode(unfinished, Readable);
            File.SetLastWriteTimeUtc(unfinished, time.GetUtcNow().UtcDateTime);
            File.Move(unfinished, target, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <summary>Removes the least recently used, until all and <paramref name="more"/> bytes fit. Returns the bytes that remain.</summary>
    private long Evict(long more)
    {
        var kept = new DirectoryInfo(folder)
            .EnumerateFiles("*.tar.gz", SearchOption.AllDirectories)
            .OrderBy(f => f.LastWriteTimeUtc)
            .ToList();
        var total = kept.Sum(f => f.Length) + more;
        foreach (var file in kept.TakeWhile(_ => total > bytes))
        {
            total -= file.Length;
            file.Delete();
        }

        return total - more;
    }

    /// <summary>
    /// The runner's file names: with <c>restore_keys</c>, the hash of each leading part of the key comes before that of the key.
    /// </summary>
    [GeneratedRegex(@"^([0-9a-f]{12}-){0,11}[0-9a-f]{64}\.tar\.gz\z")]
    private static partial Regex ArchiveName();

    [GeneratedRegex(@"^([0-9a-f]{12}-){0,11}[0-9a-f]{64}\.tar\.gz\.used\z")]
    private static partial Regex UsedMarkerName();
}
