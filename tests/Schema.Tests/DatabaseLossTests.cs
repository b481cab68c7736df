using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Storage;
using Shipinator.Schema.Server;

namespace Shipinator.Schema.Tests;

/// <summary>Each test starts its own server, since it kills it.</summary>
public sealed class DatabaseLossTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ship-loss-").FullName;
    private LocalPostgres _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await LocalPostgres.StartAsync(new() { Folder = _folder }, NullLogger.Instance);
        await Migrator.MigrateAsync(_server.ConnectionString(), NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.KillAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Kill_UnderLoad_KeepsEveryAcknowledgedWrite()
    {
        await using var db = await TestDatabase.StartAsync(_server.ConnectionString());
        var run = await db.CreateRunAsync(db.NewRun(jobs: 16, steps: 1));
        var jobs = await Task.WhenAll(run.Row!.Jobs.Select(j => db.LoadAsync<JobRecord>(j.Id.Value)));
        var acknowledged = new ConcurrentDictionary<Guid, Status>();
        var enough = new TaskCompletionSource();
        var writers = jobs.Select(job =>
                Task.Run(async () =>
                {
                    while (true)
                    {
                        var execution = db.NewExecution(job.Row!);
                        await execution.WriteAsync();
                        acknowledged[execution.Row!.Id.Value] = Status.Pending;
                        foreach (var to in (Status[])[Status.Submitted, Status.Running, Status.Success])
                        {
                            await execution.MoveAsync(to);
                            acknowledged[execution.Row.Id.Value] = to;
                        }

                        if (acknowledged.Count > 300)
                        {
                            enough.TrySetResult();
                        }
                    }
                })
            )
            .ToList();
        await enough.Task;
        await _server.KillAsync();
        foreach (var writer in writers)
        {
            await Assert.ThrowsAsync<StorageUnavailableException>(() => writer);
        }

        await _server.StartAsync();
        Assert.True(acknowledged.Count > 300);
        foreach (var (id, status) in acknowledged)
        {
            var read = await db.LoadAsync<ExecutionRecord>(id);
            // A write in flight may have been committed as well, but never less than what was acknowledged.
            Assert.True(read.Row!.Life.Status >= status, $"{id}: {read.Row.Life.Status}, acknowledged {status}");
        }

        Assert.Equal(
            0,
            await db.CountAsync(
                """
                SELECT count(*) FROM executions e
                WHERE (SELECT count(*) FROM state_transitions t WHERE t.entity_id = e.id) <> e.sequence
                """
            )
        );
    }

    [Fact]
    public async Task ServerDown_CallsFailWithAClearError_AndSucceedAfterwards()
    {
        await using var db = await TestDatabase.StartAsync(_server.ConnectionString());
        var run = await db.CreateRunAsync();
        await _server.StopAsync();

        var write = await Assert.ThrowsAsync<StorageUnavailableException>(() => run.MoveAsync(Status.Running));
        Assert.Contains("can't be reached", write.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => db.LoadAsync<RunRecord>(run.Row!.Id.Value));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => db.Queries.ListAsync(new(), new()));

        await _server.StartAsync();
        var again = await db.LoadAsync<RunRecord>(run.Row!.Id.Value);
        Assert.Equal(Status.Pending, again.Row!.Life.Status);
        await again.MoveAsync(Status.Running);
        Assert.Equal(Status.Running, (await db.Queries.GetAsync(run.Row.Id))!.Status);
    }

    [Fact]
    public async Task CoordinatorStorage_ServerDown_ThrowsStorageUnavailable()
    {
        await using var database = ShipinatorDatabase.Create(_server.ConnectionString());
        using var host = await OrleansSqlTests.StartAsync(database);
        var storage = host.Services.GetRequiredKeyedService<IGrainStorage>(StorageNames.Coordinators);
        await _server.StopAsync();
        var state = new GrainState<SlotHolderBox>(new());
        var id = GrainId.Create(GrainType.Create("coordinator"), GrainIdKeyExtensions.CreateGuidKey(Guid.CreateVersion7()));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.ReadStateAsync("box", id, state));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.WriteStateAsync("box", id, state));
        await _server.StartAsync();
        await storage.WriteStateAsync("box", id, state);
        await host.StopAsync();
    }

    [Fact]
    public async Task ChangeFeed_AfterALostConnection_YieldsAgain()
    {
        await using var db = await TestDatabase.StartAsync(_server.ConnectionString());
        var run = await db.CreateRunAsync();
        await using var listener = new Live.PostgresListener(db.Source, TimeProvider.System, NullLogger<Live.PostgresListener>.Instance);
        var feed = new Live.PostgresChangeFeed(listener);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var changes = feed.Changes(run.Row!.Id, deadline.Token).GetAsyncEnumerator();
        Assert.True(await changes.MoveNextAsync());
        await listener.FirstConnected;
        await _server.KillAsync();
        await _server.StartAsync();
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(run.Row.Id, changes.Current);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ChangeFeed_ThatLosesItsConnection_WakesItsReaders(bool ofAll)
    {
        await using var db = await TestDatabase.StartAsync(_server.ConnectionString());
        var run = await db.CreateRunAsync();
        await using var listener = new Live.PostgresListener(db.Source, TimeProvider.System, NullLogger<Live.PostgresListener>.Instance);
        var feed = new Live.PostgresChangeFeed(listener);
        listener.Start();
        await listener.FirstConnected;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var changes = feed.Changes(ofAll ? null : run.Row!.Id, deadline.Token).GetAsyncEnumerator();
        Assert.True(await changes.MoveNextAsync());
        await _server.KillAsync();
        // The server stays down: the lost connection itself wakes the readers.
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(ofAll ? default : run.Row!.Id, changes.Current);
        await _server.StartAsync();
        Assert.True(await changes.MoveNextAsync());
    }

    [Fact]
    public async Task ServerLeftRunning_NextOwner_TakesItOverWithItsDataAndAddress()
    {
        await using (var db = await TestDatabase.StartAsync(_server.ConnectionString()))
        {
            await db.CreateRunAsync();
        }

        // The first owner is not disposed, as after a kill -9.
        var second = await LocalPostgres.StartAsync(new() { Folder = _folder }, NullLogger.Instance);
        Assert.Equal(_server.ProcessId, second.ProcessId);
        Assert.Equal(_server.ConnectionString(), second.ConnectionString());
        await second.StopAsync();
        await second.StopAsync();
        await second.StartAsync();
        Assert.NotEqual(_server.ProcessId, second.ProcessId);
        await using var database = ShipinatorDatabase.Create(second.ConnectionString());
        await database.PingAsync();
        await using var count = database.DataSource.CreateCommand("SELECT count(*) FROM pipeline_runs");
        Assert.Equal(1L, await count.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Start_WithoutServerPrograms_NamesThem()
    {
        var error = await Assert.ThrowsAsync<InvalidInputException>(() =>
            LocalPostgres.StartAsync(new() { Folder = _folder, BinFolder = "/nowhere" }, NullLogger.Instance)
        );
        Assert.Equal("postgres_missing", error.Code);
        Assert.Contains("/nowhere", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Folder_BelowAPrivateOne_WorksAndOnlyItsDataBelongsToTheServersUser()
    {
        // 0700, like the data folder: started by root, PostgreSQL runs as a user without access to it.
        var home = Directory.CreateTempSubdirectory("ship-home-").FullName;
        var folder = Path.Combine(home, "data", "postgres");
        var server = await LocalPostgres.StartAsync(new() { Folder = folder, Fsync = false }, NullLogger.Instance);
        try
        {
            Assert.Null(new DirectoryInfo(folder).LinkTarget);
            AssertPrivate(folder);
            await server.StopAsync();

            // Wider permissions of an earlier version are restricted again.
            File.SetUnixFileMode(folder, Octal("755"));
            File.SetUnixFileMode(Path.Combine(folder, "server.log"), Octal("644"));
            var again = await LocalPostgres.StartAsync(new() { Folder = folder, Fsync = false }, NullLogger.Instance);
            Assert.Equal(server.ConnectionString(), again.ConnectionString());
            AssertPrivate(folder);
        }
        finally
        {
            await server.KillAsync();
            Directory.Delete(home, recursive: true);
        }
    }

    [Fact]
    public async Task Environment_OfTheServer_ContainsNothingOfOurs()
    {
        const string Name = "SHIPINATOR__SECRETS__PLANTED";
        Environment.SetEnvironmentVariable(Name, "planted-secret");
        var folder = Directory.CreateTempSubdirectory("ship-env-").FullName;
        try
        {
            await using var server = await LocalPostgres.StartAsync(new() { Folder = folder, Fsync = false }, NullLogger.Instance);
            var names = (await File.ReadAllTextAsync($"/proc/{server.ProcessId}/environ", TestContext.Current.CancellationToken))
                .Split('\0', StringSplitOptions.RemoveEmptyEntries)
                .Select(v => v.Split('=')[0]);
            Assert.Empty(names.Except(["PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_", "PGLOCALEDIR", "PG_GRANDPARENT_PID"]));
        }
        finally
        {
            Environment.SetEnvironmentVariable(Name, null);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task LinkToAMissingFolder_IsAnError_NotAnEmptyDatabase()
    {
        var home = Directory.CreateTempSubdirectory("ship-link-").FullName;
        try
        {
            var folder = Path.Combine(home, "postgres");
            Directory.CreateSymbolicLink(folder, Path.Combine(home, "gone"));
            var error = await Assert.ThrowsAsync<InvalidInputException>(() =>
                LocalPostgres.StartAsync(new() { Folder = folder }, NullLogger.Instance)
            );
            Assert.Contains(Path.Combine(home, "gone"), error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    private static UnixFileMode Octal(string mode) => (UnixFileMode)Convert.ToInt32(mode, 8);

    /// <summary>In the folder only <c>data</c> may belong to another user, and nothing may be accessible to others.</summary>
    private static void AssertPrivate(string folder)
    {
        const UnixFileMode Others =
            UnixFileMode.GroupRead
            | UnixFileMode.GroupWrite
            | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead
            | UnixFileMode.OtherWrite
            | UnixFileMode.OtherExecute;
        foreach (var path in Directory.EnumerateFileSystemEntries(folder).Append(folder))
        {
            Assert.True((File.GetUnixFileMode(path) & Others) == 0, $"{path} has mode {File.GetUnixFileMode(path)}");
        }
    }
}
