using System.Text;
using CsCheck;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts.Tests;

/// <summary>Logs in files: two store instances stand for two silos.</summary>
public sealed class LogStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-logs-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Append_AnyDuplicatesAndOverlapsByTwoSilos_GivesExactlyTheSource() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Int[1, 60].List[1, 40], Gen.Int[0, 30].List[1, 40]).Sample((source, sizes, backs) =>
        {
            var (one, two) = (Store(), Store());
            var id = ExecutionId.New(TimeProvider.System);
            var sent = 0;
            for (var i = 0; sent < source.Length; i++)
            {
                // A runner that lost an answer sends from where it knows; another silo may take it.
                var from = Math.Max(0, sent - backs[i % backs.Count]);
                var to = Math.Min(source.Length, sent + sizes[i % sizes.Count]);
                var store = i % 2 == 0 ? one : two;
                sent = (int)store.Append(id, from, source.AsMemory(from, to - from), default).GetAwaiter().GetResult();
                store.Append(id, from, source.AsMemory(from, to - from), default).GetAwaiter().GetResult();
            }

            one.Seal(id, default).GetAwaiter().GetResult();
            var read = new byte[source.Length + 10];
            var length = two.Read(id, 0, read, default).GetAwaiter().GetResult();
            Assert.Equal(source, read[..length]);
            Assert.Equal(new LogInfo(source.Length, Sealed: true), two.Info(id, default).GetAwaiter().GetResult());
        }, iter: 60, threads: 1);

    [Fact]
    public async Task Append_BeyondTheEnd_IsAGapThatNamesTheLength()
    {
        var store = Store();
        var id = ExecutionId.New(TimeProvider.System);
        await store.Append(id, 0, "abc"u8.ToArray(), default);
        var error = await Assert.ThrowsAsync<ConflictException>(() => store.Append(id, 5, "x"u8.ToArray(), default));
        Assert.Equal("log_gap", error.Code);
        Assert.Contains("3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Append_AfterTheSeal_RefusesNewBytesAndTakesKnownOnes()
    {
        var store = Store();
        var id = ExecutionId.New(TimeProvider.System);
        await store.Append(id, 0, "abc"u8.ToArray(), default);
        await store.Seal(id, default);
        await store.Seal(id, default);
        Assert.Equal(3, await store.Append(id, 0, "abc"u8.ToArray(), default));
        Assert.Equal("log_sealed", (await Assert.ThrowsAsync<ConflictException>(() => store.Append(id, 3, "d"u8.ToArray(), default))).Code);
    }

    [Fact]
    public async Task Seal_OfAnExecutionWithoutOutput_IsAnEmptySealedLog()
    {
        var store = Store();
        var id = ExecutionId.New(TimeProvider.System);
        Assert.Equal(new LogInfo(0, Sealed: false), await store.Info(id, default));
        await store.Seal(id, default);
        Assert.Equal(new LogInfo(0, Sealed: true), await store.Info(id, default));
    }

    [Fact]
    public async Task WaitForMore_AnotherSiloAppends_Returns()
    {
        var (one, two) = (Store(), Store());
        var id = ExecutionId.New(TimeProvider.System);
        var waiting = one.WaitForMore(id, 0, default);
        await two.Append(id, 0, Encoding.UTF8.GetBytes("line\n"), default);
        await waiting.WaitAsync(TimeSpan.FromSeconds(4));
        Assert.Equal(5, (await one.Info(id, default)).Length);
    }

    private FileSystemLogStore Store() => new(Options.Create(new FileStoreOptions { Root = _root, FollowInterval = TimeSpan.FromMilliseconds(20) }), TimeProvider.System);
}
