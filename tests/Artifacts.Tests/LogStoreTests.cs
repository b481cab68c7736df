using System.Text;
using CsCheck;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Shipinator.Artifacts.Tests;

/// <summary>Logs in files; two store instances represent two silos.</summary>
public sealed class LogStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-logs-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Append_AnyDuplicatesAndOverlapsByTwoSilos_GivesExactlyTheSource() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Int[1, 60].List[1, 40], Gen.Int[0, 30].List[1, 40])
            .Sample(
                (source, sizes, backs) =>
                {
                    var (one, two) = (Store(), Store());
                    var id = ExecutionId.New(TimeProvider.System);
                    var sent = 0;
                    for (var i = 0; sent < source.Length; i++)
                    {
                        // A runner that lost a response resends from its last known offset, possibly to another silo.
                        var from = Math.Max(0, sent - backs[i % backs.Count]);
                        var to = Math.Min(source.Length, sent + sizes[i % sizes.Count]);
                        var store = i % 2 == 0 ? one : two;
                        sent = (int)store.Append(id, from, source.AsMemory(from, to - from), [], default).GetAwaiter().GetResult();
                        store.Append(id, from, source.AsMemory(from, to - from), [], default).GetAwaiter().GetResult();
                    }

                    one.Seal(id, default).GetAwaiter().GetResult();
                    var read = new byte[source.Length + 10];
                    var length = two.Read(id, 0, read, default).GetAwaiter().GetResult();
                    Assert.Equal(source, read[..length]);
                    Assert.Equal(new LogInfo(source.Length, Sealed: true), two.Info(id, default).GetAwaiter().GetResult());
                },
                iter: 60,
                threads: 1
            );

    [Fact]
    public async Task Append_BeyondTheEnd_IsAGapThatNamesTheLength()
    {
        var store = Store();
        var id = ExecutionId.New(TimeProvider.System);
        await store.Append(id, 0, "abc"u8.ToArray(), [], default);
        var error = await Assert.ThrowsAsync<ConflictException>(() => store.Append(id, 5, "x"u8.ToArray(), [], default));
        Assert.Equal("log_gap", error.Code);
        Assert.Contains("3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Append_AfterTheSeal_RefusesNewBytesAndAcceptsKnownOnes()
    {
        var store = Store();
        var id = ExecutionId.New(TimeProvider.System);
        await store.Append(id, 0, "abc"u8.ToArray(), [], default);
        await store.Seal(id, default);
        await store.Seal(id, default);
        Assert.Equal(3, await store.Append(id, 0, "abc"u8.ToArray(), [], default));
        Assert.Equal(
            "log_sealed",
            (await Assert.ThrowsAsync<ConflictException>(() => store.Append(id, 3, "d"u8.ToArray(), [], default))).Code
        );
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
        await two.Append(id, 0, Encoding.UTF8.GetBytes("line\n"), [], default);
        await waiting.WaitAsync(TimeSpan.FromSeconds(4));
        Assert.Equal(5, (await one.Info(id, default)).Length);
    }

    [Fact]
    public async Task WaitForMore_NotificationOfAnotherSilo_ReturnsWithoutPolling()
    {
        var news = new News();
        using var one = Store(TimeSpan.FromHours(1), news);
        using var two = Store(TimeSpan.FromHours(1), news);
        var id = ExecutionId.New(TimeProvider.System);
        var waiting = one.WaitForMore(id, 0, default);
        await two.Append(id, 0, "line\n"u8.ToArray(), [], default);
        await waiting.WaitAsync(TimeSpan.FromSeconds(4));
        waiting = one.WaitForMore(id, 5, default);
        await two.Seal(id, default);
        await waiting.WaitAsync(TimeSpan.FromSeconds(4));
    }

    /// <summary>
    /// A model with a time for each byte, compared with the file; marks in any order, repeated, beyond the end, or none.
    /// </summary>
    [Fact]
    public void Times_OfAnyAppends_GiveEachByteItsTime() =>
        Gen.Select(Gen.Int[1, 50].List[1, 30], Gen.Int[0, 20].List[1, 30], Gen.Int[0, 6].List[1, 30])
            .Sample(
                (sizes, backs, marks) =>
                {
                    var clock = new FakeTimeProvider();
                    using var store = new FileSystemLogStore(Options.Create(new FileStoreOptions { Root = _root }), clock);
                    var id = ExecutionId.New(TimeProvider.System);
                    var model = new List<DateTimeOffset>();
                    for (var i = 0; i < sizes.Count; i++)
                    {
                        clock.Advance(TimeSpan.FromSeconds(10));
                        var from = Math.Max(0, model.Count - backs[i % backs.Count]);
                        var to = model.Count + sizes[i];
                        var told = Enumerable
                            .Range(0, marks[i % marks.Count])
                            .Select(m => new LogTime(from + (m * 7), clock.Start.AddMilliseconds((i * 100) + m)))
                            .Reverse()
                            .ToList();
                        for (var at = model.Count; at < to; at++)
                        {
                            model.Add(
                                told.Where(t => t.Offset <= at)
                                    .OrderBy(t => t.Offset)
                                    .Select(t => t.At)
                                    .DefaultIfEmpty(clock.GetUtcNow())
                                    .Last()
                            );
                        }

                        store.Append(id, from, new byte[to - from], told, default).GetAwaiter().GetResult();
                    }

                    foreach (
                        var (first, end) in new[]
                        {
                            (0, model.Count),
                            (model.Count / 2, model.Count),
                            (model.Count / 3, (model.Count / 3) + 1),
                        }
                    )
                    {
                        var times = store.Times(id, first, end, default).GetAwaiter().GetResult();
                        Assert.True(times[0].Offset <= first && times[^1].Offset < end);
                        for (var at = first; at < end; at++)
                        {
                            Assert.Equal(model[at], times.Last(t => t.Offset <= at).At);
                        }
                    }
                },
                iter: 100,
                threads: 1
            );

    [Fact]
    public async Task Times_AfterATruncatedRecord_Continue()
    {
        using var store = Store();
        var id = ExecutionId.New(TimeProvider.System);
        Assert.Empty(await store.Times(id, 0, 10, default));
        await store.Append(id, 0, "abc"u8.ToArray(), [new(0, DateTimeOffset.UnixEpoch.AddDays(1))], default);
        await File.AppendAllTextAsync(Directory.GetFiles(_root, "*.times", SearchOption.AllDirectories).Single(), "torn");
        await store.Append(id, 3, "def"u8.ToArray(), [new(3, DateTimeOffset.UnixEpoch.AddDays(2))], default);
        Assert.Equal(
            [new(0, DateTimeOffset.UnixEpoch.AddDays(1)), new(3, DateTimeOffset.UnixEpoch.AddDays(2))],
            await store.Times(id, 0, 6, default)
        );
    }

    /// <summary>Also bytes that an earlier append wrote: that one may not have reached the disk.</summary>
    [Fact]
    public async Task AppendAndSeal_AreAcknowledgedOnlyWhenTheBytesAreOnTheDisk()
    {
        var id = ExecutionId.New(TimeProvider.System);
        var (begun, flushed) = (Gate(), Gate());
        using var store = new FileSystemLogStore(Options.Create(new FileStoreOptions { Root = _root }), TimeProvider.System)
        {
            Flush = (file, _) =>
            {
                // What is flushed already contains the bytes.
                Assert.Equal(3, RandomAccess.GetLength(file));
                begun.SetResult();
                return flushed.Task;
            },
        };
        await (await HeldBackAsync(store.Append(id, 0, "abc"u8.ToArray(), [], default)))();
        await (await HeldBackAsync(store.Append(id, 0, "abc"u8.ToArray(), [], default)))();
        await Assert.ThrowsAsync<IOException>(
            await HeldBackAsync(store.Append(id, 0, "abc"u8.ToArray(), [], default), new IOException("The disk failed."))
        );
        await (await HeldBackAsync(store.Seal(id, default)))();
        Assert.True((await store.Info(id, default)).Sealed);

        async Task<Func<Task>> HeldBackAsync(Task call, Exception? error = null)
        {
            Assert.NotSame(call, await Task.WhenAny(call, begun.Task));
            var ended = flushed;
            (begun, flushed) = (Gate(), Gate());
            Assert.True(error is null ? ended.TrySetResult() : ended.TrySetException(error));
            return () => call;
        }

        static TaskCompletionSource Gate() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private FileSystemLogStore Store() => Store(TimeSpan.FromMilliseconds(20));

    private FileSystemLogStore Store(TimeSpan interval, ILogNotifier? news = null) =>
        new(Options.Create(new FileStoreOptions { Root = _root, FollowInterval = interval }), TimeProvider.System, news);

    private sealed class News : ILogNotifier
    {
        public event Action<ExecutionId>? Grew;

        public void Tell(ExecutionId execution) => Grew?.Invoke(execution);
    }
}
