using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Shipinator.Client;
using Shipinator.Globbing;

namespace Shipinator.Runner;

/// <summary>
/// Paths that a step keeps between runs, in a folder that the runners of one executor share. Only an optimization: any
/// failure is treated as a miss and reported in the log.
/// </summary>
internal sealed class Cache
{
    private const string Suffix = ".tar.gz";

    /// <summary>Hex digits of each leading part in a file's name: ten parts and the whole key still fit into 255 bytes.</summary>
    private const int PartLength = 12;
    private static readonly TimeSpan StaleAfter = TimeSpan.FromDays(1);
    private readonly CacheResponse _cache;
    private readonly RunnerSettings _settings;
    private readonly Action<string> _log;
    private readonly TimeProvider _time;
    private readonly string _folder;
    private string? _file;
    private bool _isHit;

    private Cache(CacheResponse cache, RunnerSettings settings, Action<string> log, TimeProvider time)
    {
        _cache = cache;
        _settings = settings;
        _log = log;
        _time = time;
        _folder = Path.Combine(settings.CacheFolder!, cache.Scope);
    }

    /// <summary>Null when the step has no cache or the executor has no folder for one.</summary>
    public static Cache? Of(ClaimResponse work, RunnerSettings settings, Action<string> log, TimeProvider time) =>
        work.Cache is { Paths.Count: > 0 } cache
        && settings.CacheFolder is not null
        && cache.Scope.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')
            ? new(cache, settings, log, time)
            : null;

    /// <summary>Restores the cached paths into the workspace.</summary>
    public void Restore() =>
        IgnoreErrors(
            "restored",
            () =>
            {
                // Before the command, which may change the files of the key.
                var parts = new List<string>();
                if (Key(parts, CancellationToken.None) is not { } key)
                {
                    return;
                }

                _file = Path.Combine(_folder, (parts.Count == 0 ? "" : string.Join('-', parts) + "-") + key + Suffix);
                var from = _file;
                if (!File.Exists(from) && (from = Fallback(parts)) is null)
                {
                    _log("Cache: no entry for this key.");
                    return;
                }

                var staging = Path.Combine(_settings.Control, "cache");
                try
                {
                    var folders = CacheArchive.Unpack(from, staging);
                    var restored = _cache.Paths.Count(path => MoveIn(staging, path));
                    CacheArchive.SetModes(folders, staging, _settings.Workspace);
                    _isHit = from == _file;
                    if (!_isHit)
                    {
                        _log("Cache: no entry for this key; restoring the most recent entry of a fallback key.");
                    }

                    // The eviction removes the least recently used.
                    MarkUsed(from);
                    _log(string.Create(CultureInfo.InvariantCulture, $"Cache: restored {restored} of {_cache.Paths.Count} paths."));
                }
                finally
                {
                    if (Directory.Exists(staging))
                    {
                        Directory.Delete(staging, recursive: true);
                    }
                }
            }
        );

    /// <summary>Saves the paths, unless the key has an entry already.</summary>
    public void Save(CancellationToken cancellationToken) =>
        IgnoreErrors(
            "saved",
            () =>
            {
                if (_isHit || _file is null)
                {
                    return;
                }

                if (_cache.IsReadOnly)
                {
                    _log("Cache: runs of forks save none.");
                    return;
                }

                var paths = _cache.Paths.Select(p => (Path: WorkspacePaths.Inside(_settings.Workspace, p), Given: p)).ToList();
                if (paths.Find(p => p.Path is null) is { Given: { } outside })
                {
                    throw new IOException($"'{outside}' is outside the workspace");
                }

                var there = paths.Select(p => p.Path!).Where(p => File.Exists(p) || Directory.Exists(p)).ToList();
                if (there.Count == 0)
                {
                    _log("Cache: none of its paths exists; nothing was saved.");
                    return;
                }

                Directory.CreateDirectory(_folder);
                if (_settings.IsContainer)
                {
                    OpenForAll(_folder);
                }
                else
                {
                    File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                }

                var unfinished = Path.Combine(_folder, $".{_settings.ExecutionId}.new");
                try
                {
                    if (!CacheArchive.TryPack(unfinished, _settings.Workspace, there, _settings.CacheBytes, cancellationToken))
                    {
                        _log(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"Cache: the entry exceeds the limit of {_settings.CacheBytes} bytes for all caches; nothing was saved."
                            )
                        );
                        return;
                    }

                    var size = new FileInfo(unfinished).Length;

                    // Moved into place atomically: a reader finds a complete entry or none.
                    File.Move(unfinished, _file, overwrite: true);
                    _log(string.Create(CultureInfo.InvariantCulture, $"Cache: saved {size} bytes."));
                }
                finally
                {
                    File.Delete(unfinished);
                }

                Evict();
            }
        );

    private void MarkUsed(string file)
    {
        try
        {
            File.SetLastWriteTimeUtc(file, _time.GetUtcNow().UtcDateTime);
        }
        catch (UnauthorizedAccessException)
        {
            // A read-only link to the executor's own entry: the executor looks for this mark.
            File.WriteAllText(file + ".used", "");
        }
    }

    /// <summary>Removes the least recently used entries until all fit, and files that a crashed runner left unfinished.</summary>
    private void Evict()
    {
        var files = new DirectoryInfo(_settings.CacheFolder!)
            .EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
            .Select(f => (f.FullName, f.Length, f.LastWriteTimeUtc))
            .ToList();
        var stale = _time.GetUtcNow().UtcDateTime - StaleAfter;
        foreach (var (name, _, at) in files.Where(f => f.FullName.EndsWith(".new", StringComparison.Ordinal) && f.LastWriteTimeUtc < stale))
        {
            File.Delete(name);
        }

        var kept = files.Where(f => f.FullName.EndsWith(Suffix, StringComparison.Ordinal)).OrderBy(f => f.LastWriteTimeUtc).ToList();
        var total = kept.Sum(f => f.Length);
        foreach (var (name, length, _) in kept)
        {
            if (total <= _settings.CacheBytes)
            {
                return;
            }

            File.Delete(name);
            total -= length;
        }
    }

    private bool MoveIn(string staging, string path)
    {
        var target = WorkspacePaths.Inside(_settings.Workspace, path);
        var source = WorkspacePaths.Inside(staging, path);
        if (target is null || source is null || target == _settings.Workspace || (!File.Exists(source) && !Directory.Exists(source)))
        {
            return false;
        }

        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            _log($"Cache: '{path}' already exists and was left unchanged.");
            return false;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        if (Directory.Exists(target))
        {
            Directory.Delete(target);
        }

        Directory.Move(source, target);
        return true;
    }

    /// <summary>
    /// A hash of the image, the paths, and the key files' names and contents; null when a pattern matches no file, which is
    /// logged: a key that never changes would restore the same stale files forever.
    /// </summary>
    private string? Key(List<string> parts, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\0"));
        Add("2");
        Add(_cache.Image);
        foreach (var path in _cache.Paths)
        {
            Add("path " + path);
        }

        // With fallbacks the file's name contains each leading part of the key, by which entries with the same parts are found.
        void AddPart()
        {
            if (_cache.RestoreDepths is { Count: > 0 })
            {
                parts.Add(Convert.ToHexStringLower(hash.GetCurrentHash())[..PartLength]);
            }
        }

        AddPart();
        var files = new WorkspaceFiles(_settings.Workspace);
        var excluded = _cache.KeyFiles.Where(p => p.StartsWith('!')).ToList();
        foreach (var pattern in _cache.KeyFiles)
        {
            if (pattern.StartsWith('!'))
            {
                AddPart();
                continue;
            }

            var globs = GlobList.Of([pattern, .. excluded], out var problem);
            var found = files.Find(globs, cancellationToken);
            if (problem is not null || found.Files.Count == 0)
            {
                var reason = problem ?? $"the key '{pattern}' matches no file.";
                var skipped = found.Summary is { } summary ? " " + summary : "";
                _log($"Cache: {reason}{skipped} The cache is not used; key files must be in the workspace before the step runs.");
                return null;
            }

            Add("key " + pattern);
            foreach (var file in found.Files)
            {
                using var stream = File.OpenRead(file.Path);
                Add(file.Name);
                Add(Convert.ToHexStringLower(SHA256.HashData(stream)));
            }

            AddPart();
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>
    /// The most recently used of the entries that have as many leading parts of the key as a fallback asks for; null when
    /// there is none.
    /// </summary>
    private string? Fallback(List<string> parts)
    {
        if (parts.Count == 0 || !Directory.Exists(_folder))
        {
            return null;
        }

        var kept = new DirectoryInfo(_folder)
            .EnumerateFiles("*" + Suffix)
            .OrderByDescending(f => f.LastWriteTimeUtc)
            .ThenBy(f => f.Name, StringComparer.Ordinal)
            .ToList();
        return _cache
            .RestoreDepths!.Where(d => d >= 0 && d < parts.Count)
            .Select(d => string.Join('-', parts.Take(d + 1)) + "-")
            .Select(prefix => kept.Find(f => f.Name.StartsWith(prefix, StringComparison.Ordinal))?.FullName)
            .FirstOrDefault(f => f is not null);
    }

    /// <summary>Steps of other users save into the same folder.</summary>
    private static void OpenForAll(string folder)
    {
        const UnixFileMode all = (UnixFileMode)0b111_111_111;
        if (File.GetUnixFileMode(folder) != all)
        {
            try
            {
                File.SetUnixFileMode(folder, all);
            }
            catch (UnauthorizedAccessException)
            {
                // It belongs to another user, who has opened it; if not, the write fails.
            }
        }
    }

    private void IgnoreErrors(string what, Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Damaged archives fail in many ways; none of them fails the step.
            _log($"Cache: it could not be {what} and counts as a miss: {e.Message}");
        }
    }
}
