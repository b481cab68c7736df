using System.Globalization;
using Shipinator.Executors.Process;

namespace Shipinator.Executors.Tests;

/// <summary>What a step leaves in its folder of caches is collected within the limit, however much it is.</summary>
public sealed class CacheStoreTests : IDisposable
{
    private const int FileBytes = 40_000;
    private const int Limit = 100_000;
    private readonly string _root = Directory.CreateTempSubdirectory("ship-caches-").FullName;

    private string StoreFolder => Path.Combine(_root, "store");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Collect_MoreThanTheLimit_NeverHoldsMoreThanIt()
    {
        var peak = 0L;
        var store = new CacheStore(StoreFolder, Limit, new Clock(() => peak = Math.Max(peak, Total())));
        Leave("a", 1);
        store.Collect("scope", Path.Combine(_root, "a"), User());
        Assert.Equal(FileBytes, Total());

        Leave("b", 25);
        store.Collect("scope", Path.Combine(_root, "b"), User());
        Assert.InRange(peak, FileBytes, Limit);
        Assert.Equal(2 * FileBytes, Total());
    }

    [Fact]
    public void Collect_FilesLargerThanTheLimit_AreLeft()
    {
        var store = new CacheStore(StoreFolder, FileBytes - 1, TimeProvider.System);
        Leave("a", 2);
        store.Collect("scope", Path.Combine(_root, "a"), User());
        Assert.Equal(0, Total());
    }

    private void Leave(string job, int count)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, job, "scope")).FullName;
        for (var i = 0; i < count; i++)
        {
            var name = job[0] + i.ToString("x63", CultureInfo.InvariantCulture) + ".tar.gz";
            File.WriteAllBytes(Path.Combine(folder, name), new byte[FileBytes]);
        }
    }

    private uint User() => Unix.Stat(_root)!.Value.User;

    private long Total() => new DirectoryInfo(StoreFolder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);

    /// <summary>Each file that is taken asks for the time while its copy is there.</summary>
    private sealed class Clock(Action asked) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            asked();
            return base.GetUtcNow();
        }
    }
}
