using System.Text.RegularExpressions;

namespace Shipinator.Executors.Process;

/// <summary>
/// The caches of all repositories when steps have users of their own: root's alone. A job is lent those of its repository,
/// as further names of files that it can read and not change, and what it kept itself is taken from it when it is over.
/// </summary>
internal sealed partial class CacheShelf(string folder, long bytes, TimeProvider time)
{
    /// <summary>Of one job: more than steps with a cache can be in it.</summary>
    private const int MaxFiles = 1000;

    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Puts the names into the job's folder, which must not be the user's yet.</summary>
    public void Lend(string scope, string jobCache)
    {
        var target = Directory.CreateDirectory(Path.Combine(jobCache, scope), WorkerFolder.OwnerOnly).FullName;
        var source = Path.Combine(folder, scope);
        foreach (var file in Directory.Exists(source) ? Directory.EnumerateFiles(source) : [])
        {
            try
            {
                if (Kept().IsMatch(Path.GetFileName(file)))
                {
                    Unix.Link(file, Path.Combine(target, Path.GetFileName(file)));
                }
            }
            catch (IOException)
            {
                // It was evicted meanwhile, or has as many names as a file can have: a miss.
            }
        }
    }

    /// <summary>Takes what a user kept. None of its processes may be left: what is looked at must not change.</summary>
    public void TakeBack(string scope, string jobCache, uint user)
    {
        var source = Path.Combine(jobCache, scope);
        if (Unix.Look(jobCache) is not { IsFolder: true } || Unix.Look(source) is not { IsFolder: true })
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
            if (Used().IsMatch(name) && File.Exists(Path.Combine(target, name[..^".used".Length])))
            {
                File.SetLastWriteTimeUtc(Path.Combine(target, name[..^".used".Length]), time.GetUtcNow().UtcDateTime);
            }
            else if (
                Kept().IsMatch(name)
                && Unix.Look(file) is { IsFile: true } entry
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
                Take(file, Path.Combine(target, $".{user}-{name}.new"), Path.Combine(target, name));
            }
        }
    }

    /// <summary>A copy, not the file: its maker could have a way into it still.</summary>
    private void Take(string file, string unfinished, string target)
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

    /// <summary>As the runner names them: with fallbacks (<c>restore_keys</c>) each leading part of the key stands before the whole.</summary>
    [GeneratedRegex(@"^([0-9a-f]{12}-){0,11}[0-9a-f]{64}\.tar\.gz\z")]
    private static partial Regex Kept();

    [GeneratedRegex(@"^([0-9a-f]{12}-){0,11}[0-9a-f]{64}\.tar\.gz\.used\z")]
    private static partial Regex Used();
}
