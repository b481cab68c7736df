using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>Caches in a folder of the test; a job is a workspace.</summary>
public sealed class CacheTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-cache-").FullName;
    private readonly List<string> _log = [];
    private int _jobs;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Saved_SameKey_IsRestoredWithLinksAndModes()
    {
        var first = Job("v1");
        Cache(first)!.Restore();
        var kept = Cache(first)!;
        kept.Restore();
        Directory.CreateDirectory(Path.Combine(first.Workspace, ".cache", "deep"));
        var tool = Path.Combine(first.Workspace, ".cache", "deep", "tool");
        File.WriteAllText(tool, "bytes");
        File.SetUnixFileMode(tool, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(Path.Combine(first.Workspace, ".cache", "link"), "/usr/bin/env");
        kept.Save(default);

        var second = Job("v1");
        Cache(second)!.Restore();
        Assert.Equal("bytes", File.ReadAllText(Path.Combine(second.Workspace, ".cache", "deep", "tool")));
        Assert.True(File.GetUnixFileMode(Path.Combine(second.Workspace, ".cache", "deep", "tool")).HasFlag(UnixFileMode.UserExecute));
        Assert.Equal("/usr/bin/env", new FileInfo(Path.Combine(second.Workspace, ".cache", "link")).LinkTarget);
        Assert.Contains("Cache: restored 1 of 1 paths.", _log);
    }

    [Fact]
    public void Key_OtherContentImageOrScope_IsAMiss()
    {
        Keep(Job("v1"), "x");
        Assert.False(IsHit(Job("v2"), Plan));
        Assert.False(IsHit(Job("v1"), Plan with { Image = "golang:2" }));
        Assert.False(IsHit(Job("v1"), Plan with { Scope = "another" }));
        Assert.True(IsHit(Job("v1"), Plan));
    }

    [Fact]
    public void ReadOnly_IsRestoredAndNeverSaved()
    {
        var fork = Job("v1");
        var cache = Runner.Cache.Of(Work(Plan with { IsReadOnly = true }), fork, _log.Add, TimeProvider.System)!;
        cache.Restore();
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(fork.Workspace, ".cache")).FullName, "poison"), "x");
        cache.Save(default);
        Assert.Empty(Directory.GetFiles(_root, "*.tar.gz", SearchOption.AllDirectories));
        Assert.Contains("Cache: runs of forks save none.", _log);
        Keep(Job("v1"), "x");
        Assert.True(IsHit(Job("v1"), Plan with { IsReadOnly = true }));
    }

    [Fact]
    public void Restore_DamagedArchive_IsAMissAndReplaced()
    {
        Keep(Job("v1"), "good");
        var file = Assert.Single(Directory.GetFiles(_root, "*.tar.gz", SearchOption.AllDirectories));
        var bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]);

        Assert.False(IsHit(Job("v1"), Plan));
        Assert.Contains(_log, s => s.Contains("counts as a miss", StringComparison.Ordinal));
        Keep(Job("v1"), "new");
        Assert.True(IsHit(Job("v1"), Plan));
    }

    [Fact]
    public void Restore_ArchiveWithPathsOutside_IsAMiss()
    {
        Keep(Job("v1"), "good");
        var file = Assert.Single(Directory.GetFiles(_root, "*.tar.gz", SearchOption.AllDirectories));
        using (var zip = new System.IO.Compression.GZipStream(File.Create(file), System.IO.Compression.CompressionLevel.Fastest))
        using (var tar = new System.Formats.Tar.TarWriter(zip))
        {
            tar.WriteEntry(
                new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile, "../../evil")
                {
                    DataStream = new MemoryStream(Encoding.UTF8.GetBytes("evil")),
                }
            );
        }

        Assert.False(IsHit(Job("v1"), Plan));
        Assert.Empty(Directory.GetFiles(_root, "evil", SearchOption.AllDirectories));
    }

    [Fact]
    public void Save_LimitOfAllExceeded_RemovesTheOldest()
    {
        var noise = new byte[40_000];
        new Random(1).NextBytes(noise);
        foreach (var version in new[] { "v1", "v2", "v3" })
        {
            Keep(Job(version), Convert.ToBase64String(noise), limit: 130_000);
            foreach (var file in Directory.GetFiles(_root, "*.tar.gz", SearchOption.AllDirectories))
            {
                File.SetLastWriteTimeUtc(file, File.GetLastWriteTimeUtc(file).AddMinutes(-1));
            }
        }

        Assert.False(IsHit(Job("v1"), Plan));
        Assert.True(IsHit(Job("v2"), Plan));
        Assert.True(IsHit(Job("v3"), Plan));
    }

    /// <summary>A step that names more than all caches may have must not fill the disk before anyone counts.</summary>
    [Fact]
    public void Save_MoreThanTheLimit_IsNotWrittenFurther()
    {
        var noise = new byte[1_000_000];
        new Random(1).NextBytes(noise);
        var job = Job("v1");
        Keep(job, Convert.ToBase64String(noise), limit: 100_000);
        Assert.Contains(_log, l => l.Contains("exceeds the limit of 100000 bytes", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFiles(Path.Combine(_root, "caches"), "*", SearchOption.AllDirectories));

        var file = Path.Combine(_root, "archive");
        Assert.False(CacheArchive.TryPack(file, job.Workspace, [Path.Combine(job.Workspace, ".cache")], 100_000, default));
        Assert.InRange(new FileInfo(file).Length, 0, 100_000);
    }

    [Fact]
    public void Of_NoFolderOrAScopeThatIsAPath_IsNoCache()
    {
        var job = Job("v1");
        Assert.Null(Runner.Cache.Of(Work(Plan), job with { CacheFolder = null }, _log.Add, TimeProvider.System));
        Assert.Null(Runner.Cache.Of(Work(Plan with { Scope = "../x" }), job, _log.Add, TimeProvider.System));
    }

    [Fact]
    public void Restore_FolderThatCannotBeRead_NeverFailsTheStep()
    {
        File.WriteAllText(Path.Combine(_root, "no-folder"), "");
        var cache = Runner.Cache.Of(
            Work(Plan),
            Job("v1") with
            {
                CacheFolder = Path.Combine(_root, "no-folder"),
            },
            _log.Add,
            TimeProvider.System
        )!;
        cache.Restore();
        Directory.CreateDirectory(Path.Combine(_root, "job-1", "workspace", ".cache"));
        cache.Save(default);
        Assert.Contains(_log, s => s.Contains("counts as a miss", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("absent.lock")]
    [InlineData("*.lock")]
    [InlineData("[")]
    public void Restore_KeyThatMatchesNoFile_IsLoggedAndNoHit(string pattern)
    {
        var plan = Plan with { KeyFiles = ["go.sum", pattern] };
        for (var i = 0; i < 2; i++)
        {
            var job = Job("v1");
            var cache = Runner.Cache.Of(Work(plan), job, _log.Add, TimeProvider.System)!;
            cache.Restore();
            Assert.False(Directory.Exists(Path.Combine(job.Workspace, ".cache")));
            Directory.CreateDirectory(Path.Combine(job.Workspace, ".cache"));
            File.WriteAllText(Path.Combine(job.Workspace, ".cache", "kept"), "stale");
            cache.Save(default);
        }

        Assert.Contains(
            _log,
            s => s.Contains($"'{pattern}'", StringComparison.Ordinal) && s.Contains("The cache is not used", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Restore_NoEntryForTheKey_TakesTheLastUsedOfAFallback()
    {
        var plan = Plan with { KeyFiles = ["a", "go.sum"], RestoreDepths = [1, 0] };
        Keep("a1", "v1", "first", minutes: -3);
        Keep("a1", "v2", "second", minutes: -2);
        Keep("a2", "v3", "third", minutes: -1);
        Keep("a9", "v9", "other image", minutes: 0, image: "another:1");
        Assert.Equal("third", Restored("a3", "v1"));
        Assert.Equal("second", Restored("a1", "v9"));
        Assert.Equal("first", Restored("a1", "v1"));
        Assert.Equal("first", Restored("a1", "v9"));
        Assert.Null(Restored("a3", "v1", plan with { RestoreDepths = [1] }));
        Assert.Null(Restored("a1", "v9", plan with { RestoreDepths = null }));

        // What was restored from a fallback is saved under its own key.
        var job = JobOf("a1", "v4");
        var cache = Runner.Cache.Of(Work(plan), job, _log.Add, TimeProvider.System)!;
        cache.Restore();
        cache.Save(default);
        Assert.Equal("first", Restored("a1", "v4", plan with { RestoreDepths = [0] }));

        string? Restored(string a, string version, CacheResponse? answer = null)
        {
            var at = JobOf(a, version);
            Runner.Cache.Of(Work(answer ?? plan), at, _log.Add, TimeProvider.System)!.Restore();
            var file = Path.Combine(at.Workspace, ".cache", "kept");
            return File.Exists(file) ? File.ReadAllText(file) : null;
        }

        void Keep(string a, string version, string content, int minutes, string? image = null)
        {
            var at = JobOf(a, version);
            var kept = Runner.Cache.Of(
                Work(plan with { RestoreDepths = [2], Image = image ?? plan.Image }),
                at,
                _log.Add,
                TimeProvider.System
            )!;
            kept.Restore();
            Directory.CreateDirectory(Path.Combine(at.Workspace, ".cache"));
            File.WriteAllText(Path.Combine(at.Workspace, ".cache", "kept"), content);
            kept.Save(default);
            var file = new DirectoryInfo(_root).EnumerateFiles("*.tar.gz", SearchOption.AllDirectories).MaxBy(f => f.LastWriteTimeUtc)!;
            Assert.True(file.Name.Length <= 255);
            file.LastWriteTimeUtc = TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(minutes - 10);
        }

        RunnerSettings JobOf(string a, string version)
        {
            var at = Job(version);
            File.WriteAllText(Path.Combine(at.Workspace, "a"), a);
            return at with { CacheBytes = 1_000_000 };
        }
    }

    [Fact]
    public void Key_Braces_MatchAsInLint()
    {
        var plan = Plan with { KeyFiles = ["package-lock.{json,yaml}"] };
        Keep(Lock("v1"), plan);
        Assert.True(IsHit(Lock("v1"), plan));
        Assert.False(IsHit(Lock("v2"), plan));

        RunnerSettings Lock(string version)
        {
            var job = Job("same");
            File.WriteAllText(Path.Combine(job.Workspace, "package-lock.yaml"), version);
            return job;
        }

        void Keep(RunnerSettings job, CacheResponse answer)
        {
            var cache = Runner.Cache.Of(Work(answer), job with { CacheBytes = 1_000_000 }, _log.Add, TimeProvider.System)!;
            cache.Restore();
            Directory.CreateDirectory(Path.Combine(job.Workspace, ".cache"));
            File.WriteAllText(Path.Combine(job.Workspace, ".cache", "kept"), "x");
            cache.Save(default);
        }
    }

    private static CacheResponse Plan { get; } =
        new()
        {
            Scope = "0190-aa",
            Image = "golang:1",
            KeyFiles = ["go.sum"],
            Paths = [".cache"],
        };

    private void Keep(RunnerSettings job, string text, long limit = 1_000_000)
    {
        var cache = Cache(job with { CacheBytes = limit })!;
        cache.Restore();
        Directory.CreateDirectory(Path.Combine(job.Workspace, ".cache"));
        File.WriteAllText(Path.Combine(job.Workspace, ".cache", "kept"), text);
        cache.Save(default);
    }

    private bool IsHit(RunnerSettings job, CacheResponse plan)
    {
        Runner.Cache.Of(Work(plan), job, _log.Add, TimeProvider.System)!.Restore();
        return File.Exists(Path.Combine(job.Workspace, ".cache", "kept"));
    }

    private Cache? Cache(RunnerSettings job) => Runner.Cache.Of(Work(Plan), job, _log.Add, TimeProvider.System);

    private RunnerSettings Job(string version)
    {
        var settings = new RunnerSettings(new("http://localhost"), "e", "t", Path.Combine(_root, $"job-{++_jobs}"))
        {
            CacheFolder = Path.Combine(_root, "caches"),
        };
        Directory.CreateDirectory(settings.Workspace);
        Directory.CreateDirectory(settings.Control);
        File.WriteAllText(Path.Combine(settings.Workspace, "go.sum"), version);
        return settings;
    }

    private static ClaimResponse Work(CacheResponse cache) => RunnerTest.Work("true") with { Cache = cache };
}
