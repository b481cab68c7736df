using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Orleans.Storage;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Storage;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>A database of its own with a project, repository and pipeline, and the storage over it.</summary>
public sealed class Bench : IAsyncDisposable
{
    private readonly ShipinatorDatabase _database;
    private int _runNumber;

    private Bench(ShipinatorDatabase database, string connectionString, GroupCommitOptions? options)
    {
        _database = database;
        ConnectionString = connectionString;
        Writer = new(database.DataSource, NullLogger<GroupCommitWriter>.Instance, options);
        Storage = new(database.DataSource, Writer);
        Queries = new(database.DataSource, TimeProvider.System);
    }

    public string ConnectionString { get; }

    public NpgsqlDataSource Source => _database.DataSource;

    public GroupCommitWriter Writer { get; }

    public RelationalGrainStorage Storage { get; }

    public RunQueries Queries { get; }

    public ProjectRow Project { get; private set; } = null!;

    public RepositoryRow Repository { get; private set; } = null!;

    public PipelineRow Pipeline { get; private set; } = null!;

    public static async Task<Bench> StartAsync(PostgresFixture postgres, GroupCommitOptions? options = null) =>
        await StartAsync(await postgres.CreateDatabaseAsync(), options);

    public static async Task<Bench> StartAsync(string connectionString, GroupCommitOptions? options = null)
    {
        var bench = new Bench(ShipinatorDatabase.Create(connectionString), connectionString, options);
        bench.Project = await new ProjectStore(bench.Source, TimeProvider.System).CreateAsync("shop", null);
        bench.Repository = await new RepositoryStore(bench.Source, TimeProvider.System).CreateAsync(
            new(bench.Project.Id, "web", "git", "https://example.org/web.git", "main")
        );
        bench.Pipeline = await new PipelineStore(bench.Source, TimeProvider.System).EnsureAsync(bench.Repository.Id, "web", "push");
        return bench;
    }

    /// <summary>A run of <paramref name="jobs"/> jobs with <paramref name="steps"/> steps each, not written yet.</summary>
    public RunRecord NewRun(int jobs = 2, int steps = 2, string branch = "main")
    {
        var trigger = new TriggerFacts
        {
            Event = "push",
            Ref = $"refs/heads/{branch}",
            Commit = new string('a', 40),
            Branch = branch,
            Message = "A change",
            Author = "Ada",
            ChangedFiles = ["a.cs"],
        };
        var plan = new RunPlan
        {
            Trigger = trigger,
            Jobs =
            [
                .. Enumerable
                    .Range(0, jobs)
                    .Select(j => new JobPlan
                    {
                        Name = $"job{j}",
                        Type = JobType.Build,
                        Timeout = TimeSpan.FromMinutes(10),
                        Steps =
                        [
                            .. Enumerable
                                .Range(0, steps)
                                .Select(s => new StepPlan
                                {
                                    Name = $"step{s}",
                                    Order = s,
                                    Image = "alpine",
                                    Run = "true",
                                    Timeout = TimeSpan.FromMinutes(1),
                                }),
                        ],
                    }),
            ],
        };
        return new()
        {
            Id = RunId.New(TimeProvider.System),
            PipelineId = Pipeline.Id,
            RepositoryId = Repository.Id,
            ProjectId = Project.Id,
            ProjectName = Project.Name,
            RepositoryName = Repository.Name,
            RunNumber = Interlocked.Increment(ref _runNumber),
            Source = new()
            {
                CloneUrl = Repository.CloneUrl,
                Ref = trigger.Ref,
                Commit = trigger.Commit,
            },
            Executor = "process",
            Plan = plan,
            Jobs =
            [
                .. plan.Jobs.Select(j => new RunJob
                {
                    Id = JobId.New(TimeProvider.System),
                    Steps = [.. j.Steps.Select(_ => StepId.New(TimeProvider.System))],
                }),
            ],
            Actor = "token:test",
            Life = Lifecycle.Begin(Machine.Run, Now()),
        };
    }

    /// <summary>Times as the database keeps them, to the microsecond.</summary>
    public static DateTimeOffset Now()
    {
        var now = TimeProvider.System.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    public async Task<Cell<RunRecord>> PlantAsync(RunRecord? run = null)
    {
        run ??= NewRun();
        var cell = Cell(run.Id.Value, run);
        cell.Add(null, run.Life, run.Id);
        await cell.WriteAsync();
        return cell;
    }

    public Cell<T> Cell<T>(Guid id, T? row = null)
        where T : class => new(Storage, id) { Row = row };

    public async Task<Cell<T>> LoadAsync<T>(Guid id)
        where T : class
    {
        var cell = Cell<T>(id);
        await cell.ReadAsync();
        return cell;
    }

    /// <summary>The first execution of a step of a planted job, not written yet.</summary>
    public Cell<ExecutionRecord> NewExecution(JobRecord job, int step = 0)
    {
        var id = ExecutionId.New(TimeProvider.System);
        var plan = job.Spec.Plan.Steps[step];
        var record = new ExecutionRecord
        {
            Id = id,
            ExecutorType = "process",
            ExternalId = $"ship-{id.Value:N}",
            Life = Lifecycle.Begin(Machine.Execution, Now()),
            SubmittedAt = Now(),
            Spec = new()
            {
                ExecutionId = id,
                StepId = job.Steps[step].Id,
                Attempt = 1,
                Image = plan.Image,
                Script = plan.Run,
                Env = ImmutableSortedDictionary<string, string>.Empty.Add("CI", "true"),
                Timeout = plan.Timeout,
                StepName = plan.Name,
                Worker = new()
                {
                    ProjectId = job.Spec.ProjectId,
                    RepositoryId = job.Spec.RepositoryId,
                    RunId = job.Spec.RunId,
                    JobId = job.Id,
                    Attempt = 1,
                    Steps = [new(job.Steps[step].Id, id, plan.Name, plan.Image, null)],
                    Timeout = job.Spec.Plan.Timeout,
                },
            },
        };
        var cell = Cell(id.Value, record);
        cell.Add(null, record.Life, job.Spec.RunId);
        return cell;
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        command.CommandTimeout = 120;
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync();
        await _database.DisposeAsync();
    }
}

/// <summary>What a grain's persistent state is to the storage.</summary>
public sealed class Cell<T>(IGrainStorage storage, Guid id)
    where T : class
{
    private readonly GrainId _id = GrainId.Create(GrainType.Create("test"), GrainIdKeyExtensions.CreateGuidKey(id));
    private readonly GrainState<Stored<T>> _state = new(new Stored<T>());

    public T? Row
    {
        get => _state.State!.Row;
        set => _state.State!.Row = value;
    }

    public bool Unsettled
    {
        set => _state.State!.Unsettled = value;
    }

    public string? ETag
    {
        get => _state.ETag;
        set => _state.ETag = value;
    }

    public void Add(Lifecycle? before, Lifecycle after, RunId run, Guid? entity = null)
    {
        if (Transition.Between(before, after, entity ?? id, run, "system") is { } transition)
        {
            _state.State!.Uncommitted = _state.State!.Uncommitted.Add(transition);
        }
    }

    public Task ReadAsync() => storage.ReadStateAsync("test", _id, _state);

    public async Task WriteAsync()
    {
        await storage.WriteStateAsync("test", _id, _state);
        _state.State!.Uncommitted = [];
    }
}

/// <summary>Moves of the three records.</summary>
public static class CellMoves
{
    public static Task MoveAsync(this Cell<RunRecord> cell, Status to, Reason? reason = null, string? detail = null)
    {
        var row = cell.Row!;
        var life = row.Life.MoveTo(to, Bench.Now(), reason, detail);
        cell.Add(row.Life, life, row.Id);
        cell.Row = row with { Life = life };
        return cell.WriteAsync();
    }

    public static Task MoveAsync(this Cell<JobRecord> cell, Status to, Reason? reason = null, string? detail = null)
    {
        var row = cell.Row!;
        var life = row.Life.MoveTo(to, Bench.Now(), reason, detail);
        cell.Add(row.Life, life, row.Spec.RunId);
        cell.Row = row with { Life = life };
        return cell.WriteAsync();
    }

    public static Task MoveAsync(this Cell<ExecutionRecord> cell, Status to, Reason? reason = null, string? detail = null)
    {
        var row = cell.Row!;
        var life = row.Life.MoveTo(to, Bench.Now(), reason, detail);
        cell.Add(row.Life, life, row.Spec.Worker.RunId);
        cell.Row = row with { Life = life };
        return cell.WriteAsync();
    }
}
