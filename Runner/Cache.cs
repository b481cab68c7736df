using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Shipinator.Client;
using Shipinator.Globbing;

namespace Shipinator.Runner;

/// <summary>
/// What a step keeps between runs, in a folder that the runners of one executor share. Never more than a help: whatever
/// goes wrong is a miss, told in the log.
/// </summary>
internal sealed class Cache
{
    private const string Suffix = ".tar.gz";

    /// <summary>Hex digits of each leading part in a file's name: ten of them and the whole key are a name that any file system takes.</summary>
    private const int PartLength = 12;
    private static readonly TimeSpan StaleAfter = TimeSpan.FromDays(1);
    private readonly CacheResponse _cache;
    private readonly RunnerSettings _settings;
    private readonly Action<string> _say;
    private readonly TimeProvider _time;
    private readonly string _folder;
    private string? _file;
    private bool _isHit;

    private Cache(CacheResponse cache, RunnerSettings settings, Action<string> say, TimeProvider time)
    {
        _cache = cache;
        _settings = settings;
        _say = say;
        _time = time;
        _folder = Path.Combine(settings.CacheFolder!, cache.Scope);
    }

    /// <summary>Null when the step names no cache or the executor has no place for one.</summary>
    public static Cache? Of(ClaimResponse work, RunnerSettings settings, Action<string> say, TimeProvider time) =>
        work.Cache is { Paths.Count: > 0 } cache
        && settings.CacheFolder is not null
        && cache.Scope.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')
            ? new(cache, settings, say, time)
            : null;

    /// <summary>Puts what was kept into the workspace, all of it or nothing.</summary>
    public void Restore() =>
        Harmlessly(
            "restored",
            () =>
            {
                // Before the command: it may change the very files that make the key.
                var parts = new List<string>();
                if (Key(parts, CancellationToken.None) is not { } key)
                {
                    return;
                }

                _file = Path.Combine(_folder, (parts.Count == 0 ? "" : string.Join('-', parts) + "-") + key + Suffix);
                var from = _file;
                if (!File.Exists(from) && (from = Fallback(parts)) is null)
                {
                    _say("Cache: nothing was kept for this key yet.");
                    return;
                }

                var aside = Path.Combine(_settings.Control, "cache");
                try
                {
                    var folders = CacheArchive.Unpack(from, aside);
                    var restored = _cache.Paths.Count(path => MoveIn(aside, path));
                    CacheArchive.SetModes(folders, aside, _settings.Workspace);
                    _isHit = from == _file;
                    if (!_isHit)
                    {
                        _say("Cache: nothing was kept for this key yet; what an older key kept is restored in its place.");
                    }

                    // The eviction takes what was not used for longest.
                    MarkUsed(from);
                    _say(string.Create(CultureInfo.InvariantCulture, $"Cache: restored {restored} of {_cache.Paths.Count} paths."));
                }
                finally
                {
                    if (Directory.Exists(aside))
                    {
                        Directory.Delete(aside, recursive: true);
                    }
                }
            }
        );

    /// <summary>Keeps what the step left, unless the same key has it already.</summary>
    public void Save(CancellationToken cancellationToken) =>
        Harmlessly(
            "kept",
            () =>
            {
                if (_isHit || _file is null)
                {
                    return;
                }

                var paths = _cache.Paths.Select(p => (Path: WorkspacePaths.Inside(_settings.Workspace, p), Given: p)).ToList();
                if (paths.Find(p => p.Path is null) is { Given: { } outside })
                {
                    throw new IOException($"{outside} is not below the workspace");
                }

                var there = paths.Select(p => p.Path!).Where(p => File.Exists(p) || Directory.Exists(p)).ToList();
                if (there.Count == 0)
                {
                    _say("Cache: none of its paths is there; nothing was kept.");
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
                    CacheArchive.Pack(unfinished, _settings.Workspace, there, cancellationToken);
                    var size = new FileInfo(unfinished).Length;
                    if (size > _settings.CacheBytes)
                    {
                        _say(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"Cache: {size} bytes are more than all caches may have ({_settings.CacheBytes}); nothing was kept."
                            )
                        );
                        return;
                    }

                    // In one move: a reader finds a whole one or none.
                    File.Move(unfinished, _file, overwrite: true);
                    _say(string.Create(CultureInfo.InvariantCulture, $"Cache: kept {size} bytes."));
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
            // It is only lent: its owner looks for this mark.
            File.WriteAllText(file + ".used", "");
        }
    }

    /// <summary>The oldest go first, until all fit; so does what a runner that died left unfinished.</summary>
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

    private bool MoveIn(string aside, string path)
    {
        var target = WorkspacePaths.Inside(_settings.Workspace, path);
        var source = WorkspacePaths.Inside(aside, path);
        if (target is null || source is null || target == _settings.Workspace || (!File.Exists(source) && !Directory.Exists(source)))
        {
            return false;
        }

        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            _say($"Cache: {path} is there already and stays as it is.");
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
    /// The image, the paths, and the key files' names and contents; null when a pattern means no file, told in the log: a key
    /// that says nothing would bring the same stale files back for ever.
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

        // With fallbacks the file's name tells each leading part of the key: how others that agree with it are found.
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
                _say(
                    $"Cache: {problem ?? $"the key '{pattern}' matches no file."}{(found.Told is { } told ? " " + told : "")} The cache is not used; name files that are in the workspace before the step runs."
                );
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

    /// <summary>Of those whose key agrees in as many leading parts as a fallback asks for, the one that was kept or used last; null when there is none.</summary>
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

    /// <summary>Steps of other users keep theirs in the same folder.</summary>
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
                // Another user's, who has opened it, or the write will say so.
            }
        }
    }

    private void Harmlessly(string what, Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Damaged archives fail in many ways; none of them is the step's failure.
            _say($"Cache: it could not be {what} and counts as missing: {e.Message}");
        }
    }
}
