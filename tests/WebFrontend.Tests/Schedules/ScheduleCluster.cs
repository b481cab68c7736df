using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.TestingHost;
using Shipinator.Artifacts;
using Shipinator.Forges;
using Shipinator.Grains;
using Shipinator.Schema;
using Shipinator.Schema.Live;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;
using Shipinator.Triggers;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Runs;
using Shipinator.Triggers.Schedules;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Schedules;

/// <summary>The wall clock is what the test sets; timers follow the machine's.</summary>
internal sealed class WallClock : TimeProvider
{
    private long _ticks = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero).Ticks;

    public DateTimeOffset Now
    {
        get => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);
        set => Interlocked.Exchange(ref _ticks, value.UtcTicks);
    }

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>Two silos with the operations of <c>Triggers</c> over real PostgreSQL, a clock and a forge that the test controls.</summary>
public sealed class ScheduleCluster : IAsyncLifetime
{
    private readonly PostgresFixture _postgres = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("ship-schedules-").FullName;
    private ShipinatorDatabase _database = null!;
    private PostgresListener _listener = null!;
    private PostgresChangeFeed _feed = null!;
    private ProjectRow _project = null!;
    private int _repositories;

    internal static TimeSpan Patience { get; } = TimeSpan.FromSeconds(90);

    internal WallClock Clock { get; } = new();

    internal ScriptedForge Forge { get; } = new();

    internal InProcessTestCluster Cluster { get; private set; } = null!;

    internal string ConnectionString { get; private set; } = "";

    internal ShipinatorDatabase Database => _database;

    internal ScheduleStore Store { get; private set; } = null!;

    internal RunQueries Queries { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await _postgres.InitializeAsync();
        ConnectionString = await _postgres.CreateDatabaseAsync();
        _database = ShipinatorDatabase.Create(ConnectionString);
        _listener = new(_database.DataSource, TimeProvider.System, NullLogger<PostgresListener>.Instance);
        _feed = new(_listener);
        Store = new(_database.DataSource, Clock);
        Queries = new(_database.DataSource, Clock);
        _project = await new ProjectStore(_database.DataSource, Clock).CreateAsync("shop", null);
        var builder = new InProcessTestClusterBuilder(2);
        builder.ConfigureSilo(
            (_, silo) =>
            {
                silo.UseShipinatorAdoNet(_database).AddRelationalGrainStorage();
                silo.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System).AddSingleton<TimeProvider>(Clock);
                silo.Services.AddShipinatorSchema(_database);
                silo.Services.AddShipinatorGrains();
                silo.Services.AddGitForge(o => o.CacheRoot = Path.Combine(_folder, "git"));
                silo.Services.AddFileSystemStores(o => o.Root = _folder);
                silo.Services.AddTriggers(_ => { });
                silo.Services.Replace(ServiceDescriptor.Singleton<IForgeRegistry>(Forge));
                silo.Services.AddSingleton<IExecutorRegistry>(new SilentExecutors());
                silo.Services.AddSingleton<IRunLimits, NoLimits>();
                silo.Services.AddSingleton<IServerAddress, Address>();
            }
        );
        builder.ConfigureHost(host => host.Logging.SetMinimumLevel(LogLevel.Error));
        Cluster = builder.Build();
        await Cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await _listener.DisposeAsync();
        await _database.DisposeAsync();
        await _postgres.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A service of one of the silos.</summary>
    internal T Service<T>(int silo)
        where T : notnull => Cluster.Silos[silo].ServiceProvider.GetRequiredService<T>();

    /// <summary>What takes due times on a silo whose clock shows something else.</summary>
    internal IScheduleFiring FiringAt(DateTimeOffset now)
    {
        var clock = new WallClock { Now = now };
        return new ScheduleFiring(
            Store,
            new(_database.DataSource, clock),
            new(_database.DataSource, clock),
            Service<RunTrigger>(0),
            clock,
            NullLogger<ScheduleFiring>.Instance
        );
    }

    internal Task WakeAsync() => Cluster.Client.GetGrain<IScheduleGrain>(0).Wake();

    /// <summary>A repository whose file has these entries of <c>on.schedule</c>, synced; its schedules are removed at the end.</summary>
    internal async Task<GivenRepository> RepositoryAsync(params string[] entries)
    {
        var number = Interlocked.Increment(ref _repositories);
        var row = await new RepositoryStore(_database.DataSource, Clock).CreateAsync(
            new(_project.Id, $"web{number}", "git", $"https://example.org/web{number}.git", "main")
        );
        var repository = new GivenRepository(this, row);
        await repository.SyncAsync(entries);
        return repository;
    }

    /// <summary>Wakes the schedules and waits, woken by the database's notifications, until something is in the database.</summary>
    internal async Task UntilAsync(Func<Task<bool>> condition)
    {
        try
        {
            await WakeAsync();
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            // A silo was killed; the recovery of the other wakes the schedules.
        }

        using var patience = new CancellationTokenSource(Patience);
        await foreach (var _ in _feed.Changes(null, patience.Token))
        {
            if (await condition())
            {
                return;
            }
        }
    }

    private sealed class NoLimits : IRunLimits
    {
        public void TakeRun(Actor actor, RepositoryId repository) { }
    }

    private sealed class Address : IServerAddress
    {
        public Uri PublicUrl { get; } = new("http://ci.example/");

        public Uri RunnerUrl { get; } = new("http://ci.example/");
    }
}

/// <summary>A repository of a <see cref="ScheduleCluster"/>.</summary>
internal sealed class GivenRepository(ScheduleCluster cluster, RepositoryRow row) : IAsyncDisposable
{
    /// <summary>All jobs are skipped, so that a run ends by itself.</summary>
    private const string Build = "build: { steps: [ { name: a, run: \"x {{ .inputs.target }}\", when: { branch: never } } ] }\n";

    public RepositoryRow Row => row;

    public static string File(params string[] entries) =>
        "on:\n  manual: { inputs: { target: { default: staging } } }\n"
        + (entries.Length == 0 ? "" : "  schedule:\n" + string.Concat(entries.Select(e => $"    - {e}\n")))
        + Build;

    public void Write(string branch, string? file) => cluster.Forge.Files[(row.CloneUrl, "refs/heads/" + branch)] = file;

    public async Task SyncAsync(params string[] entries)
    {
        Write("main", File(entries));
        await cluster.Service<RepositoryRegistry>(0).SyncAsync(row.Id, CancellationToken.None);
    }

    public async Task<ScheduleRow> ScheduleAsync() => Assert.Single(await cluster.Store.ListAsync(row.Id));

    public async Task<IReadOnlyList<RunView>> RunsAsync()
    {
        var runs = new List<RunView>();
        Page<RunView>? page = null;
        do
        {
            page = await cluster.Queries.ListAsync(new() { Repository = row.Id }, new PageRequest(200, page?.NextCursor));
            runs.AddRange(page.Items);
        } while (page.NextCursor is not null);
        return runs;
    }

    /// <summary>Takes the schedule's due time on one silo, as its grain does.</summary>
    public async Task FireAsync(int silo = 0, CancellationToken cancellationToken = default)
    {
        var schedule = await ScheduleAsync();
        await cluster.Service<IScheduleFiring>(silo).Fire(new(schedule.Id, row.Id, schedule.NextAt!.Value), cancellationToken);
    }

    public async ValueTask DisposeAsync() => await cluster.Service<ScheduleSync>(0).SyncAsync(row.Id, [], CancellationToken.None);
}
