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
public sealed class TestDatabase : IAsyncDisposable
{
    private readonly ShipinatorDatabase _database;
    private int _runNumber;

    private TestDatabase(ShipinatorDatabase database, string connectionString, GroupCommitOptions? options)
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

    public static async Task<TestDatabase> StartAsync(PostgresFixture postgres, GroupCommitOptions? options = null) =>
        await StartAsync(await postgres.CreateDatabaseAsync(), options);

    public static async Task<TestDatabase> StartAsync(string connectionString, GroupCommitOptions? options = null)
    {
        var db = new TestDatabase(ShipinatorDatabase.Create(connectionString), connectionString, options);
        db.Project = await new ProjectStore(db.Source, TimeProvider.System).CreateAsync("shop", null);
        db.Repository = await new RepositoryStore(db.Source, TimeProvider.System).CreateAsync(
            new(db.Project.Id, "web", "git", "https://example.org/web.git", "main")
        );
        db.Pipeline = await new PipelineStore(db.Source, TimeProvider.System).EnsureAsync(db.Repository.Id, "web", "push");
        return db;
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

    /// <summary>The current time with the database's precision of a microsecond.</summary>
    public static DateTimeOffset Now()
    {
        var now = TimeProvider.System.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    public async Task<TestState<RunRecord>> CreateRunAsync(RunRecord? run = null)
    {
        run ??= NewRun();
        var state = State(run.Id.Value, run);
        state.Add(null, run.Life, run.Id);
        state.InitialJobs = PendingJobs.Of(run);
        state.Add(PendingJobs.History(run, state.InitialJobs));
        await state.WriteAsync();
        return state;
    }

    public TestState<T> State<T>(Guid id, T? row = null)
        where T : class => new(Storage, id) { Row = row };

    public async Task<TestState<T>> LoadAsync<T>(Guid id)
        where T : class
    {
        var state = State<T>(id);
        await state.ReadAsync();
        return state;
    }

    /// <summary>The first execution of a step of a stored job, not written yet.</summary>
    public TestState<ExecutionRecord> NewExecution(JobRecord job, int step = 0)
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
        var state = State(id.Value, record);
        state.Add(null, record.Life, job.Spec.RunId);
        return state;
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        // A million rows are filled in, on a machine that may be busy.
        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync();
        await _database.DisposeAsync();
    }
}

/// <summary>A grain's persistent state, as the storage sees it.</summary>
public sealed class TestState<T>(IGrainStorage storage, Guid id)
    where T : class
{
    private readonly GrainId _id = GrainId.Create(GrainType.Create("test"), GrainIdKeyExtensions.CreateGuidKey(id));
    private readonly GrainState<Stored<T>> _state = new(new Stored<T>());

    public T? Row
    {
        get => _state.State!.Row;
        set => _state.State!.Row = value;
    }

    public ImmutableArray<JobRecord> InitialJobs
    {
        get => _state.State!.InitialJobs;
        set => _state.State!.InitialJobs = value;
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

    public void Add(IEnumerable<Transition> transitions) => _state.State!.Uncommitted = _state.State!.Uncommitted.AddRange(transitions);

    public Task ReadAsync() => storage.ReadStateAsync("test", _id, _state);

    public async Task WriteAsync()
    {
        await storage.WriteStateAsync("test", _id, _state);
        _state.State!.Uncommitted = [];
        _state.State!.InitialJobs = [];
    }
}

/// <summary>Moves the three records and writes them.</summary>
public static class TestStateMoves
{
    public static Task MoveAsync(this TestState<RunRecord> state, Status to, Reason? reason = null, string? detail = null)
    {
        var row = state.Row!;
        var life = row.Life.MoveTo(to, TestDatabase.Now(), reason, detail);
        state.Add(row.Life, life, row.Id);
        state.Row = row with { Life = life };
        return state.WriteAsync();
    }

    public static Task MoveAsync(this TestState<JobRecord> state, Status to, Reason? reason = null, string? detail = null)
    {
        var row = state.Row!;
        var life = row.Life.MoveTo(to, TestDatabase.Now(), reason, detail);
        state.Add(row.Life, life, row.Spec.RunId);
        state.Row = row with { Life = life };
        return state.WriteAsync();
    }

    public static Task MoveAsync(this TestState<ExecutionRecord> state, Status to, Reason? reason = null, string? detail = null)
    {
        var row = state.Row!;
        var life = row.Life.MoveTo(to, TestDatabase.Now(), reason, detail);
        state.Add(row.Life, life, row.Spec.Worker.RunId);
        state.Row = row with { Life = life };
        return state.WriteAsync();
    }
}
