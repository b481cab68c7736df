using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shipinator.Schema.Storage;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>What goes wrong in one write is that write's alone, and the loop that writes for everybody never ends.</summary>
public sealed class GroupCommitFaultTests(PostgresFixture postgres)
{
    public static TheoryData<string> Bugs => ["InvalidOperation", "Timeout", "IO", "Npgsql", "KeyNotFound", "Canceled"];

    [Theory]
    [MemberData(nameof(Bugs))]
    public async Task BugInOneWrite_OfABatch_FailsThatWriteAlone(string kind)
    {
        await using var bench = await Bench.StartAsync(postgres);
        Exception bug = kind switch
        {
            "InvalidOperation" => new InvalidOperationException("a bug"),
            "Timeout" => new TimeoutException("a bug"),
            "IO" => new IOException("a bug"),
            "Npgsql" => new NpgsqlException("a bug"),
            "KeyNotFound" => new KeyNotFoundException("a bug"),
            _ => new OperationCanceledException("a bug"),
        };
        for (var round = 0; round < 5; round++)
        {
            var good = Enumerable.Range(0, 8).Select(_ => bench.PlantAsync()).ToList();
            var bad = bench.Writer.WriteAsync(new BadWrite(bug));
            good.AddRange(Enumerable.Range(0, 8).Select(_ => bench.PlantAsync()));
            var error = await Assert.ThrowsAsync<ShipinatorException>(() => bad);
            Assert.Equal("storage_rejected", error.Code);
            Assert.Contains("a bug", error.Message, StringComparison.Ordinal);
            await Task.WhenAll(good);
        }

        Assert.Equal(80, await bench.CountAsync("SELECT count(*) FROM pipeline_runs"));
    }

    [Fact]
    public async Task Connection_ClosedUnderneath_IsReplacedAndNobodyNoticesIt()
    {
        await using var bench = await Bench.StartAsync(postgres);
        await bench.PlantAsync();
        await Connection(bench).CloseAsync();
        await bench.PlantAsync();
        Assert.Equal(2, await bench.CountAsync("SELECT count(*) FROM pipeline_runs"));
    }

    [Fact]
    public async Task Connection_ThatCantBeDropped_IsLeftAndTheNextWritesAreMade()
    {
        await using var bench = await Bench.StartAsync(postgres);
        await bench.PlantAsync();
        var connection = Connection(bench);
        var dropped = 0;
        connection.StateChange += (_, _) =>
        {
            dropped++;
            throw new InvalidOperationException("It can't be closed.");
        };
        await bench.ExecuteAsync($"SELECT pg_terminate_backend({connection.ProcessID})");
        var lost = await Record.ExceptionAsync(() =>
            bench.PlantAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)
        );
        // Whether the loss shows before the write or under it is a matter of moments.
        Assert.True(lost is null or StorageUnavailableException, lost?.ToString());
        Assert.True(dropped > 0);
        for (var i = 0; i < 3; i++)
        {
            await bench.PlantAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData("57014", true)]
    [InlineData("40P01", true)]
    [InlineData("40001", true)]
    [InlineData("55P03", true)]
    [InlineData("57P01", true)]
    [InlineData("57P03", true)]
    [InlineData("53300", true)]
    [InlineData("58030", true)]
    [InlineData("08006", true)]
    [InlineData("25006", true)]
    [InlineData("23505", false)]
    [InlineData("23503", false)]
    [InlineData("22P05", false)]
    [InlineData("42P01", false)]
    [InlineData("SHP01", false)]
    public void PostgresError_IsALostDatabase_ByItsState(string state, bool lost) =>
        Assert.Equal(lost, DatabaseErrors.IsUnavailable(new PostgresException("m", "ERROR", "ERROR", state)));

    [Fact]
    public void OtherErrors_AreALostDatabase_OnlyWhenTheConnectionIsTheCause()
    {
        Assert.True(DatabaseErrors.IsUnavailable(new NpgsqlException("x", new IOException("reset"))));
        Assert.True(DatabaseErrors.IsUnavailable(new System.Net.Sockets.SocketException(111)));
        Assert.False(DatabaseErrors.IsUnavailable(new InvalidOperationException("a bug")));
        Assert.False(DatabaseErrors.IsUnavailable(new InvalidCastException("a bug")));
        Assert.False(DatabaseErrors.IsUnavailable(new ObjectDisposedException("x")));
    }

    [Fact]
    public async Task Notices_AHearerThatThrows_GoOnBeingHeard()
    {
        await using var bench = await Bench.StartAsync(postgres);
        await using var notices = new Live.PostgresNotices(bench.Source, TimeProvider.System, NullLogger<Live.PostgresNotices>.Instance);
        var began = 0;
        var again = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        notices.Began += () =>
        {
            if (Interlocked.Increment(ref began) == 1)
            {
                throw new ArgumentException("a bug");
            }

            again.TrySetResult();
        };
        notices.Start();
        await again.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    private static NpgsqlConnection Connection(Bench bench) =>
        (NpgsqlConnection)
            typeof(GroupCommitWriter).GetField("_connection", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(bench.Writer)!;

    private sealed class BadWrite(Exception bug) : PendingWrite("row 7", 1, [])
    {
        protected override void AddRows(BatchRows rows) => throw bug;
    }
}
