using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.TestingHost;
using Shipinator.Schema;
using Shipinator.Schema.Live;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Grains.Tests.Engine;

/// <summary>
/// Two silos over real PostgreSQL, and a fake executor. Every test uses its own runs and, where it matters, its own repository.
/// </summary>
public sealed class EngineCluster : IAsyncLifetime
{
    private readonly PostgresFixture _postgres = new();
    private ShipinatorDatabase _database = null!;
    private PostgresListener _listener = null!;
    private PostgresChangeFeed _feed = null!;
    private ProjectRow _project = null!;
    private int _repositories;

    internal static TimeSpan Patience { get; } = TimeSpan.FromSeconds(60);

    internal int AdmissionLimit { get; init; } = 100;

    /// <summary>Options that differ from those of the other tests.</summary>
    internal Action<EngineOptions> Configure { get; init; } = _ => { };

    /// <summary>The engine's clock, when the test advances it.</summary>
    internal AdvancedClock? Clock { get; init; }

    /// <summary>Services that other tests don't need.</summary>
    internal Action<IServiceCollection> Services { get; init; } = _ => { };

    internal Npgsql.NpgsqlDataSource Source => _database.DataSource;

    internal FakeExecutor Executor { get; private set; } = null!;

    internal FakeProcessing Processing { get; } = new();

    internal DeliveryStore Deliveries { get; private set; } = null!;

    internal SealedLogs Logs { get; } = new();

    /// <summary>The faults of storage and calls.</summary>
    internal Faults Faults { get; } = new();

    internal InProcessTestCluster Cluster { get; private set; } = null!;

    internal IGrainFactory Grains => Cluster.Client;

    internal RunQueries Queries { get; private set; } = null!;

    internal ArtifactMetadataStore Artifacts { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await _postgres.InitializeAsync();
        _database = ShipinatorDatabase.Create(await _postgres.CreateDatabaseAsync());
        _listener = new(_database.DataSource, TimeProvider.System, NullLogger<PostgresListener>.Instance);
        _feed = new(_listener);
        Queries = new(_database.DataSource, TimeProvider.System);
        Artifacts = new(_database.DataSource);
        Deliveries = new(_database.DataSource, TimeProvider.System);
        _project = await new ProjectStore(_database.DataSource, TimeProvider.System).CreateAsync("shop", null);
        Executor = new(() => Grains);
        var builder = new InProcessTestClusterBuilder(2);
        builder.ConfigureSilo(
            (_, silo) =>
            {
                silo.UseShipinatorAdoNet(_database).AddRelationalGrainStorage();
                Faults.Install(silo);
                silo.Services.AddShipinatorSchema(_database);
                silo.Services.AddShipinatorGrains(o =>
                {
                    o.DefaultAdmissionLimit = AdmissionLimit;
                    o.PollFirst = TimeSpan.FromMilliseconds(50);
                    o.PollSlowest = TimeSpan.FromMilliseconds(200);
                    o.RetryDelay = TimeSpan.FromMilliseconds(50);
                    o.ReconcilePeriod = TimeSpan.FromMilliseconds(500);
                    o.TimeoutMargin = TimeSpan.FromMilliseconds(50);
                    o.DeliveryRetrySlowest = TimeSpan.FromMilliseconds(200);
                    Configure(o);
                });
                silo.Services.AddSingleton<IExecutorRegistry>(Executor);
                silo.Services.AddSingleton<ILogStore>(Logs);
                silo.Services.AddSingleton<IDeliveryProcessing>(Processing);
                silo.Services.AddSingleton(Faults.Wrap(new ArtifactIndex(_database.DataSource)));
                silo.Services.AddSingleton<ISecretSource, OneSecret>();
                silo.Services.AddSingleton<IServerAddress, TestAddress>();
                Services(silo.Services);
                if (Clock is not null)
                {
                    silo.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System).AddSingleton<TimeProvider>(Clock);
                }
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
    }

    internal async Task<(RepositoryRow Repository, PipelineRow Pipeline)> NewRepositoryAsync(
        string provider = "git",
        string? cloneUrl = null
    )
    {
        var number = Interlocked.Increment(ref _repositories);
        var repository = await new RepositoryStore(_database.DataSource, TimeProvider.System).CreateAsync(
            new(_project.Id, $"web{number}", provider, cloneUrl ?? $"https://example.org/web{number}.git", "main")
        );
        return (repository, await new PipelineStore(_database.DataSource, TimeProvider.System).EnsureAsync(repository.Id, "web", "push"));
    }

    /// <summary>Creates a run; <paramref name="arrange"/> scripts its steps before it starts.</summary>
    internal async Task<RunId> StartAsync(
        RunPlan plan,
        Action<RunId>? arrange = null,
        (RepositoryRow Repository, PipelineRow Pipeline)? at = null,
        ImmutableDictionary<string, JobId>? reused = null,
        long number = 1,
        RunId? rerunOf = null,
        Func<RunId, Task>? before = null
    )
    {
        var (repository, pipeline) = at ?? await NewRepositoryAsync();
        var run = RunId.New(TimeProvider.System);
        arrange?.Invoke(run);
        await (before?.Invoke(run) ?? Task.CompletedTask);
        var create = new CreateRun
        {
            PipelineId = pipeline.Id,
            RepositoryId = repository.Id,
            ProjectId = _project.Id,
            ProjectName = _project.Name,
            RepositoryName = repository.Name,
            RunNumber = number,
            Source = new()
            {
                CloneUrl = repository.CloneUrl,
                Ref = plan.Trigger.Ref,
                Commit = plan.Trigger.Commit,
            },
            Executor = "fake",
            Plan = plan,
            Actor = "token:test",
            RerunOf = rerunOf,
            Reused = reused ?? ImmutableDictionary<string, JobId>.Empty,
        };
        while (true)
        {
            try
            {
                await Grains.GetGrain<IPipelineRunGrain>(run.Value).Create(create);
                return run;
            }
            catch (StorageUnavailableException)
            {
                // As a client of the API does.
            }
        }
    }

    /// <summary>Ids of what has ended and is not settled.</summary>
    internal async Task<List<Guid>> UnsettledAsync()
    {
        await using var command = _database.DataSource.CreateCommand("SELECT id FROM unsettled ORDER BY id");
        await using var reader = await command.ExecuteReaderAsync();
        var ids = new List<Guid>();
        while (await reader.ReadAsync())
        {
            ids.Add(reader.GetGuid(0));
        }

        return ids;
    }

    /// <summary>Waits until everything of the run is settled, by the recovery or by itself.</summary>
    internal async Task SettledAsync(Tree tree)
    {
        var mine = tree
            .Jobs.SelectMany(j => j.Steps)
            .SelectMany(s => s.Executions)
            .Select(e => e.Id.Value)
            .Concat(tree.Jobs.Select(j => j.Id.Value))
            .Append(tree.Run.Id.Value)
            .ToHashSet();
        var start = TimeProvider.System.GetTimestamp();
        while ((await UnsettledAsync()).Any(mine.Contains))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "Something that has ended did not settle.");
            await Grains.GetGrain<IRecoveryGrain>(0).Sweep();
        }
    }

    /// <summary>Waits, woken by the database's notifications, until the run is terminal; the tree as the API reads it.</summary>
    internal async Task<Tree> EndAsync(RunId run)
    {
        await UntilAsync(run, view => view.Status.IsTerminal());
        return await TreeAsync(run);
    }

    /// <summary>Waits, woken by the database's notifications, until a delivery has its outcome.</summary>
    internal async Task<DeliveryRow> OutcomeAsync(DeliveryId delivery)
    {
        using var patience = new CancellationTokenSource(Patience);
        await foreach (var _ in _feed.Changes(null, patience.Token))
        {
            if (await Deliveries.GetAsync(delivery, patience.Token) is { Outcome: not null } row)
            {
                return row;
            }
        }

        throw new TimeoutException($"Delivery {delivery} has no outcome.");
    }

    internal async Task UntilAsync(RunId run, Func<RunView, bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        await foreach (var _ in _feed.Changes(run, patience.Token))
        {
            if (await Queries.GetAsync(run, patience.Token) is { } view && condition(view))
            {
                return;
            }
        }

        throw new TimeoutException($"Run {run} did not reach the expected state.");
    }

    internal async Task<Tree> TreeAsync(RunId run) =>
        new((await Queries.GetAsync(run))!, await Queries.JobsAsync(run), [.. (await Queries.HistoryAsync(run)).Select(h => h.Transition)]);
}

/// <summary>A run as the API reads it.</summary>
internal sealed record Tree(RunView Run, IReadOnlyList<JobView> Jobs, ImmutableArray<Transition> History)
{
    public JobView Job(string name) => Jobs.Single(j => j.Name == name);

    public StepView Step(string name) => Jobs.SelectMany(j => j.Steps).Last(s => s.Name == name);

    /// <summary>Folding the history of each entity gives its row.</summary>
    public void AssertHistoryFolds()
    {
        foreach (var entity in History.GroupBy(t => t.EntityId))
        {
            var life = entity.OrderBy(t => t.Sequence).Aggregate(default(Lifecycle), Lifecycle.Fold)!;
            var row = entity.First().Machine switch
            {
                Machine.Run => Run.Status,
                Machine.Job => Jobs.Single(j => j.Id.Value == entity.Key).Status,
                Machine.Step => Jobs.SelectMany(j => j.Steps).Single(s => s.Id.Value == entity.Key).Status,
                _ => Jobs.SelectMany(j => j.Steps).SelectMany(s => s.Executions).Single(e => e.Id.Value == entity.Key).Status,
            };
            Assert.Equal(row, life.Status);
        }
    }
}
