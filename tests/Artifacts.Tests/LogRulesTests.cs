using System.Text;
using CsCheck;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts.Tests;

/// <summary>Rules for every byte of a log: masking, the limit, exclusive access, offsets.</summary>
public sealed class LogRulesTests : IDisposable
{
    private const string Secret = "s3cret";
    private readonly string _root = Directory.CreateTempSubdirectory("ship-log-rules-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>For any chunks on any silo: the secret is replaced by stars, every other byte keeps its offset.</summary>
    [Fact]
    public void Append_ASecretInAnyChunksOnTwoSilos_IsMaskedInItsPlace() =>
        Gen.Select(
                Gen.OneOf(Gen.Const("s3cret"), Gen.Const("s3c"), Gen.Const("ret\n"), Gen.Const("line\n")).List[1, 20],
                Gen.Int[1, 20].List[1, 40],
                Gen.Int[0, 9].List[1, 40],
                Gen.Bool.List[1, 40]
            )
            .Sample(
                (parts, sizes, backs, silos) =>
                {
                    var text = string.Concat(parts);
                    var source = Encoding.UTF8.GetBytes(text);
                    var (one, two) = ((Store(), new Masker()), (Store(), new Masker()));
                    var id = ExecutionId.New(TimeProvider.System);
                    var sent = 0;
                    for (var i = 0; sent < source.Length; i++)
                    {
                        var from = Math.Max(0, sent - backs[i % backs.Count]);
                        var to = Math.Min(source.Length, sent + sizes[i % sizes.Count]);
                        var (store, masker) = silos[i % silos.Count] ? one : two;
                        for (var repeat = 0; repeat < 2; repeat++)
                        {
                            var appended = store
                                .Append(id, from, source.AsMemory(from, to - from), [], new() { Masker = masker }, default)
                                .GetAwaiter()
                                .GetResult();
                            Assert.Equal(new LogAppended(to, IsFull: false), appended);
                        }

                        sent = to;
                    }

                    Assert.Equal(text.Replace(Secret, "******", StringComparison.Ordinal), Read(one.Item1, id));
                },
                iter: 60,
                threads: 1
            );

    [Fact]
    public async Task Append_BeyondTheLimit_EndsWithANoticeAndAcceptsNothingMore()
    {
        var (store, id, rules) = (
            Store(),
            ExecutionId.New(TimeProvider.System),
            new LogRules { MaxBytes = 10, FullNotice = "that is all" }
        );
        Assert.Equal(new(10, IsFull: false), await store.Append(id, 0, "0123456789"u8.ToArray(), [], rules, default));
        Assert.Equal(new(14, IsFull: true), await store.Append(id, 8, "89abcd"u8.ToArray(), [], rules, default));
        Assert.Equal(new(1_000_005, IsFull: true), await store.Append(id, 1_000_000, "abcde"u8.ToArray(), [], rules, default));
        Assert.Equal("0123456789\nthat is all\n", Read(store, id));
    }

    [Fact]
    public async Task Append_AChunkThatCrossesTheLimit_IsKeptUpToIt()
    {
        var (store, id, rules) = (Store(), ExecutionId.New(TimeProvider.System), new LogRules { MaxBytes = 4, FullNotice = "full" });
        var appended = await store.Append(id, 0, "0123456789"u8.ToArray(), [], rules, default);
        Assert.Equal((10, true), (appended.Length, appended.IsFull));
        Assert.Equal("0123\nfull\n", Read(store, id));
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue - 1)]
    [InlineData(3L)]
    public async Task Append_FarBeyondASealedLog_IsRefused(long offset)
    {
        var (store, id) = (Store(), ExecutionId.New(TimeProvider.System));
        await store.Append(id, 0, "abc"u8.ToArray(), [], default);
        Assert.Equal(
            offset > 3 ? "log_gap" : null,
            offset > 3
                ? (await Assert.ThrowsAsync<ConflictException>(() => store.Append(id, offset, "xy"u8.ToArray(), [], default))).Code
                : null
        );
        await store.Seal(id, default);
        Assert.Equal(
            "log_sealed",
            (await Assert.ThrowsAsync<ConflictException>(() => store.Append(id, offset, "xy"u8.ToArray(), [], default))).Code
        );
        Assert.Equal("abc", Read(store, id));
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(3L)]
    public async Task Read_BeyondTheEnd_IsNothing(long offset)
    {
        var (store, id) = (Store(), ExecutionId.New(TimeProvider.System));
        await store.Append(id, 0, "abc"u8.ToArray(), [], default);
        Assert.Equal(0, await store.Read(id, offset, new byte[10], default));
        Assert.DoesNotContain(await store.Times(id, long.MaxValue, long.MaxValue, default), t => t.Offset > 3);
    }

    /// <summary>Many concurrent locks of two processes on one folder: never two at once, and all are granted.</summary>
    [Fact]
    public async Task Lock_TakenConcurrently_IsExclusive()
    {
        var folder = Path.Combine(_root, "logs", "aa");
        Directory.CreateDirectory(Path.Combine(_root, "logs"));
        var locks = new[] { new LogLock(TimeProvider.System), new LogLock(TimeProvider.System) };
        var (inside, done) = (0, 0);
        await Task.WhenAll(
            Enumerable
                .Range(0, 60)
                .Select(i =>
                    Task.Run(async () =>
                    {
                        using (await locks[i % 2].TakeAsync(folder, default))
                        {
                            Assert.Equal(1, Interlocked.Increment(ref inside));
                            await Task.Yield();
                            done++;
                            Interlocked.Decrement(ref inside);
                        }
                    })
                )
        );
        Assert.Equal(60, done);
        // A removed file could be held twice: by who has opened it before, and by who creates it again.
        Assert.True(File.Exists(Path.Combine(folder, ".lock")));
    }

    [Fact]
    public async Task Seal_WhileTwoSilosAppend_LosesNothingThatWasAcknowledged()
    {
        for (var round = 0; round < 20; round++)
        {
            var (one, two, id) = (Store(), Store(), ExecutionId.New(TimeProvider.System));
            var taken = 0L;
            async Task AppendAsync(FileSystemLogStore store)
            {
                try
                {
                    for (var i = 0; i < 50; i++)
                    {
                        InterlockedMax(ref taken, await store.Append(id, i, "x"u8.ToArray(), [], default));
                    }
                }
                catch (ConflictException e) when (e.Code is "log_sealed" or "log_gap")
                {
                    // The log was sealed first.
                }
            }

            await Task.WhenAll(AppendAsync(one), AppendAsync(two), Task.Run(() => one.Seal(id, default)));
            var info = await two.Info(id, default);
            Assert.True(info.Sealed);
            Assert.Equal(taken, info.Length);
            Assert.Equal(new string('x', (int)info.Length), Read(two, id));
        }
    }

    [Fact]
    public async Task FlushFolder_Missing_NamesTheFolderAndTheCause()
    {
        var error = await Assert.ThrowsAsync<IOException>(() => Durable.FlushFolderAsync(Path.Combine(_root, "nowhere")));
        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
        Assert.Contains("No such file", error.Message, StringComparison.Ordinal);
        await Durable.FlushFolderAsync(_root);
    }

    private static void InterlockedMax(ref long target, long value)
    {
        for (var seen = Volatile.Read(ref target); seen < value; )
        {
            seen = Interlocked.CompareExchange(ref target, value, seen) is var was && was == seen ? value : was;
        }
    }

    private static string Read(FileSystemLogStore store, ExecutionId id)
    {
        var buffer = new byte[10_000];
        return Encoding.UTF8.GetString(buffer, 0, store.Read(id, 0, buffer, default).GetAwaiter().GetResult());
    }

    private FileSystemLogStore Store() => new(Options.Create(new FileStoreOptions { Root = _root }), TimeProvider.System);

    /// <summary>Masks one word.</summary>
    private sealed class Masker : ILogMasker
    {
        private string _last = "";

        public long Position { get; private set; }

        public int Reach => 40;

        public void Restart(long position) => (Position, _last) = (position, "");

        public IReadOnlyList<(long Start, long End)> Feed(ReadOnlySpan<byte> bytes)
        {
            var found = new List<(long, long)>();
            foreach (var value in bytes)
            {
                _last += (char)value;
                Position++;
                if (_last.EndsWith(Secret, StringComparison.Ordinal))
                {
                    found.Add((Position - Secret.Length, Position));
                }
            }

            return found;
        }
    }
}
