using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shipinator.Schema.Storage;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>An error of one write fails only that write, and the writer's loop never ends.</summary>
public sealed class GroupCommitFaultTests(PostgresFixture postgres)
{
    public static TheoryData<string> Bugs => ["InvalidOperation", "Timeout", "IO", "Npgsql", "KeyNotFound", "Canceled"];

    [Theory]
    [MemberData(nameof(Bugs))]
    public async Task BugInOneWrite_OfABatch_FailsThatWriteAlone(string kind)
    {
        await using var db = await TestDatabase.StartAsync(postgres);
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
            var good = Enumerable.Range(0, 8).Select(_ => db.CreateRunAsync()).ToList();
            var bad = db.Writer.WriteAsync(new BadWrite(bug));
            good.AddRange(Enumerable.Range(0, 8).Select(_ => db.CreateRunAsync()));
            var error = await Assert.ThrowsAsync<ShipinatorException>(() => bad);
            Assert.Equal("storage_rejected", error.Code);
            Assert.Contains("a bug", error.Message, StringComparison.Ordinal);
            await Task.WhenAll(good);
        }

        Assert.Equal(80, await db.CountAsync("SELECT count(*) FROM pipeline_runs"));
    }

    [Fact]
    public async Task Connection_ThatWasClosed_IsReplacedWithoutAnError()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        await db.CreateRunAsync();
        await Connection(db).CloseAsync();
        await db.CreateRunAsync();
        Assert.Equal(2, await db.CountAsync("SELECT count(*) FROM pipeline_runs"));
    }

    [Fact]
    public async Task Connection_ThatCanNotBeClosed_IsAbandonedAndWritesContinue()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        await db.CreateRunAsync();
        var connection = Connection(db);
        var dropped = 0;
        connection.StateChange += (_, _) =>
        {
            dropped++;
            throw new InvalidOperationException("It can't be closed.");
        };
        await db.ExecuteAsync($"SELECT pg_terminate_backend({connection.ProcessID})");
        var lost = await Record.ExceptionAsync(() =>
            db.CreateRunAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)
        );
        // The loss may be noticed before or during the write.
        Assert.True(lost is null or StorageUnavailableException, lost?.ToString());
        Assert.True(dropped > 0);
        for (var i = 0; i < 3; i++)
        {
            await db.CreateRunAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>The connection is still open when it is dropped, so that the error is that of closing it.</summary>
    [Fact]
    public async Task Connection_ThatThrowsWhenItIsClosed_EndsNoLoop()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var db = await TestDatabase.StartAsync(postgres);
        await db.CreateRunAsync();
        var connection = Connection(db);
        await using var other = await db.Source.OpenConnectionAsync(stop);
        await using var locking = await other.BeginTransactionAsync(stop);
        await using (var hold = new NpgsqlCommand("LOCK TABLE pipeline_runs IN ACCESS EXCLUSIVE MODE", other, locking))
        {
            await hold.ExecuteNonQueryAsync(stop);
        }

        var dropped = 0;
        connection.StateChange += (_, _) =>
        {
            dropped++;
            throw new InvalidOperationException("It can't be closed.");
        };
        var canceled = db.CreateRunAsync();
        while (await db.CountAsync($"SELECT count(*) FROM pg_locks WHERE pid = {connection.ProcessID} AND NOT granted") == 0)
        {
            stop.ThrowIfCancellationRequested();
        }

        await db.ExecuteAsync($"SELECT pg_cancel_backend({connection.ProcessID})");
        await Assert.ThrowsAsync<StorageUnavailableException>(() => canceled.WaitAsync(TimeSpan.FromSeconds(60), stop));
        await locking.RollbackAsync(stop);
        for (var i = 0; i < 3; i++)
        {
            await db.CreateRunAsync().WaitAsync(TimeSpan.FromSeconds(60), stop);
        }

        Assert.True(dropped > 0);
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
    public void PostgresError_CountsAsUnavailable_ByItsState(string state, bool lost) =>
        Assert.Equal(lost, DatabaseErrors.IsUnavailable(new PostgresException("m", "ERROR", "ERROR", state)));

    [Fact]
    public void OtherErrors_CountAsUnavailable_OnlyWhenTheConnectionIsTheCause()
    {
        Assert.True(DatabaseErrors.IsUnavailable(new NpgsqlException("x", new IOException("reset"))));
        Assert.True(DatabaseErrors.IsUnavailable(new System.Net.Sockets.SocketException(111)));
        Assert.False(DatabaseErrors.IsUnavailable(new InvalidOperationException("a bug")));
        Assert.False(DatabaseErrors.IsUnavailable(new InvalidCastException("a bug")));
        Assert.False(DatabaseErrors.IsUnavailable(new ObjectDisposedException("x")));
    }

    [Fact]
    public async Task Listener_HandlerThatThrows_ReconnectsAndContinues()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        await using var listener = new Live.PostgresListener(db.Source, TimeProvider.System, NullLogger<Live.PostgresListener>.Instance);
        var began = 0;
        var again = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        listener.Connected += () =>
        {
            if (Interlocked.Increment(ref began) == 1)
            {
                throw new ArgumentException("a bug");
            }

            again.TrySetResult();
        };
        listener.Start();
        await again.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    private static NpgsqlConnection Connection(TestDatabase db) =>
        (NpgsqlConnection)
            typeof(GroupCommitWriter).GetField("_connection", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(db.Writer)!;

    private sealed class BadWrite(Exception bug) : PendingWrite("row 7", 1, [])
    {
        protected override void AddRows(BatchRows rows) => throw bug;
    }
}
