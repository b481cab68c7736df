using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

public sealed class RunQueriesTests(PostgresFixture postgres)
{
    private static readonly MachineStates[] States =
    [
        new(Machine.Run, [Status.Pending, Status.Running]),
        new(Machine.Job, [Status.Running]),
        new(Machine.Execution, [Status.Pending, Status.Submitted, Status.Running]),
    ];

    [Fact]
    public async Task List_ByPages_GivesEveryRunOnceNewestFirst()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var runs = new List<RunId>();
        for (var i = 0; i < 7; i++)
        {
            runs.Add((await db.CreateRunAsync(db.NewRun(1, 1, i % 2 == 0 ? "main" : "dev"))).Row!.Id);
        }

        Assert.Equal(runs.AsEnumerable().Reverse(), await AllAsync(new()));
        Assert.Equal(
            4,
            (
                await AllAsync(
                    new()
                    {
                        Branch = "main",
                        Repository = db.Repository.Id,
                        Project = db.Project.Id,
                        Event = "push",
                    }
                )
            ).Count
        );
        Assert.Equal(7, (await AllAsync(new() { Status = Status.Pending, Pipeline = db.Pipeline.Id })).Count);
        Assert.Empty(await AllAsync(new() { Status = Status.Failed }));
        Assert.Empty(await AllAsync(new() { Event = "pr" }));

        async Task<List<RunId>> AllAsync(RunFilter filter)
        {
            var all = new List<RunId>();
            string? cursor = null;
            do
            {
                var page = await db.Queries.ListAsync(filter, new(2, cursor));
                Assert.True(page.Items.Count <= 2);
                all.AddRange(page.Items.Select(r => r.Id));
                cursor = page.NextCursor;
            } while (cursor is not null);
            return all;
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("cHJvamVjdHM6d2Vi")]
    [InlineData("cnVuczp4")]
    public async Task List_WithAnInvalidCursor_IsRefused(string cursor)
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var error = await Assert.ThrowsAsync<InvalidInputException>(() => db.Queries.ListAsync(new(), new(null, cursor)));
        Assert.Equal("cursor", error.Code);
        Assert.Throws<InvalidInputException>(() => new PageRequest(0));
        Assert.Throws<InvalidInputException>(() => new PageRequest(201));
    }

    [Fact]
    public async Task Get_IncludesTheNamesOfProjectRepositoryAndPipeline()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = await db.CreateRunAsync();
        var view = await db.Queries.GetAsync(run.Row!.Id);
        Assert.Equal(
            ("shop", "web", "web", "main", "A change"),
            (view!.ProjectName, view.RepositoryName, view.PipelineName, view.Branch, view.CommitMessage)
        );
        Assert.Equal(PlanJson.Serialize(run.Row.Plan), PlanJson.Serialize((await db.Queries.PlanAsync(run.Row.Id))!));
        Assert.Null(await db.Queries.GetAsync(RunId.New(TimeProvider.System)));
    }

    [Fact]
    public async Task Jobs_ContainExecutionsAndArtifactsBelowTheirSteps()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (run, execution) = await WithExecutionAsync(db);
        var artifact = await AddArtifactAsync(db, execution, "out.bin");
        var again = await AddArtifactAsync(db, execution, "out.bin");
        Assert.Equal(artifact.Id, again.Id);

        var jobs = await db.Queries.JobsAsync(run);
        var shown = Assert.Single(jobs[0].Steps[0].Executions);
        Assert.Equal(execution.Row!.Id, shown.Id);
        Assert.Equal(artifact.Id, Assert.Single(shown.Artifacts).Id);
        Assert.Equal(artifact.Id, Assert.Single((await db.Queries.ExecutionAsync(shown.Id))!.Artifacts).Id);
        Assert.Equal(artifact.Id, Assert.Single(await new ArtifactMetadataStore(db.Source).ListByRunAsync(run)).Id);
    }

    [Fact]
    public async Task ArtifactIndex_FindsArtifactsOfTheRunAndOfReusedJobs()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (run, execution) = await WithExecutionAsync(db);
        var artifact = await AddArtifactAsync(db, execution, "out.bin");
        var index = new ArtifactIndex(db.Source);
        var wanted = new InputSpec { Type = "binary", Path = "in" };
        Assert.Equal(Status.Pending, Assert.Single(await index.Find(run, db.Project.Id, wanted, default)).Status);
        await execution.MoveAsync(Status.Submitted);
        await execution.MoveAsync(Status.Success);
        var found = Assert.Single(await index.Find(run, db.Project.Id, wanted, default));
        Assert.Equal((artifact.Id, Status.Success, true), (found.Artifact.Id, found.Status, found.IsLastAttempt));
        Assert.Single(await index.Find(run, db.Project.Id, new() { Step = "step0", Path = "in" }, default));
        Assert.Empty(await index.Find(run, db.Project.Id, new() { Step = "step1", Path = "in" }, default));
        Assert.Empty(await index.Find(run, db.Project.Id, new() { Type = "chart", Path = "in" }, default));

        var rerun = db.NewRun();
        rerun = rerun with { Jobs = rerun.Jobs.SetItem(0, rerun.Jobs[0] with { ReusedFrom = execution.Row!.Spec.Worker.JobId }) };
        await db.CreateRunAsync(rerun);
        var third = db.NewRun();
        third = third with { Jobs = third.Jobs.SetItem(0, third.Jobs[0] with { ReusedFrom = rerun.Jobs[0].Id }) };
        await db.CreateRunAsync(third);
        Assert.Equal("step0", Assert.Single(await index.Find(third.Id, db.Project.Id, wanted, default)).Artifact.StepName);

        var byId = new InputSpec { ArtifactId = artifact.Id, Path = "in" };
        Assert.Single(await index.Find(RunId.New(TimeProvider.System), db.Project.Id, byId, default));
        Assert.Empty(await index.Find(run, ProjectId.New(TimeProvider.System), byId, default));
        Assert.Single(await index.OfExecution(execution.Row.Id, default));
    }

    [Fact]
    public async Task ArtifactIndex_Candidates_HaveTheStatusOfTheirExecution()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (run, first) = await WithExecutionAsync(db);
        var job = await db.LoadAsync<JobRecord>(first.Row!.Spec.Worker.JobId.Value);
        var early = await AddArtifactAsync(db, first, "report.xml");
        await first.MoveAsync(Status.Submitted);
        await first.MoveAsync(Status.Failed);
        var second = db.NewExecution(job.Row!);
        second.Row = second.Row! with { Spec = second.Row.Spec with { Attempt = 2 } };
        await second.WriteAsync();
        var late = await AddArtifactAsync(db, second, "report.xml");
        var found = await new ArtifactIndex(db.Source).Find(run, db.Project.Id, new() { Type = "binary", Path = "in" }, default);
        Assert.Equal(
            [(early.Id, Status.Failed, false), (late.Id, Status.Pending, true)],
            found.Select(c => (c.Artifact.Id, c.Status, c.IsLastAttempt))
        );
    }

    [Fact]
    public async Task Unfinished_AreTheRowsInTheGivenStates()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (run, execution) = await WithExecutionAsync(db);
        var done = await db.CreateRunAsync();
        await done.MoveAsync(Status.Canceled, Reason.CanceledByUser);
        var job = await db.LoadAsync<JobRecord>(execution.Row!.Spec.Worker.JobId.Value);
        await job.MoveAsync(Status.Running);
        var work = new UnfinishedWork(db.Source, db.Writer);
        var found = new List<UnfinishedItem>();
        await foreach (var item in work.List(States, default))
        {
            found.Add(item);
        }

        Assert.Equal(
            [new(Machine.Run, run.Value), new(Machine.Job, job.Row!.Id.Value), new(Machine.Execution, execution.Row.Id.Value)],
            found
        );
        Assert.Empty(await work.Holders("process", [Status.Submitted, Status.Running], default));
        await execution.MoveAsync(Status.Submitted);
        Assert.Equal(execution.Row.Id, Assert.Single(await work.Holders("process", [Status.Submitted, Status.Running], default)).Execution);
        Assert.Empty(await work.Holders("kubernetes", [Status.Submitted, Status.Running], default));
    }

    [Fact]
    public async Task Unfinished_IncludesWhatEndedAndIsNotSettled_UntilItIs()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (_, execution) = await WithExecutionAsync(db);
        var work = new UnfinishedWork(db.Source, db.Writer);
        await execution.MoveAsync(Status.Submitted);
        execution.Unsettled = true;
        await execution.MoveAsync(Status.Success);
        var id = execution.Row!.Id.Value;
        Assert.Contains(new(Machine.Execution, id), await ListAsync());
        // A rejected write leaves no trace.
        var refused = await db.CreateRunAsync();
        refused.ETag = "7";
        refused.Unsettled = true;
        await Assert.ThrowsAsync<Orleans.Storage.InconsistentStateException>(() =>
            refused.MoveAsync(Status.Canceled, Reason.CanceledByUser)
        );
        Assert.Equal(1, await db.CountAsync("SELECT count(*) FROM unsettled"));
        await work.Settled(id, default);
        await work.Settled(id, default);
        Assert.DoesNotContain(await ListAsync(), i => i.Id == id);

        async Task<List<UnfinishedItem>> ListAsync()
        {
            var found = new List<UnfinishedItem>();
            await foreach (var item in work.List(States, default))
            {
                found.Add(item);
            }

            return found;
        }
    }

    [Fact]
    public async Task StopReport_OfAnExecution_IsReadBackUnchanged()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (_, execution) = await WithExecutionAsync(db);
        var stopped = new StopReport(
            new()
            {
                Status = Status.Canceled,
                ExitCode = 143,
                Detail = "Somebody sent SIGTERM.",
                Reason = Reason.Lost,
                Artifacts = [ArtifactId.New(TimeProvider.System)],
            },
            TestDatabase.Now()
        );
        execution.Row = execution.Row! with { Stopped = stopped };
        await execution.WriteAsync();
        var back = (await db.LoadAsync<ExecutionRecord>(execution.Row.Id.Value)).Row!.Stopped!;
        Assert.Equal(stopped.Report.Artifacts, back.Report.Artifacts);
        Assert.Equal((stopped.At, stopped.Report with { Artifacts = [] }), (back.At, back.Report with { Artifacts = [] }));
    }

    [Fact]
    public async Task TransitionsAfter_FollowedByCursor_NeverSkipsALateCommit()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = (await db.CreateRunAsync(db.NewRun(1, 1))).Row!.Id;
        var first = await FollowAsync(null, 3);

        // The earlier transaction commits later.
        await using var early = await db.Source.OpenConnectionAsync();
        await using var late = await db.Source.OpenConnectionAsync();
        await RunAsync(early, "BEGIN");
        await RunAsync(early, Insert(run, 1));
        await RunAsync(late, Insert(run, 2));
        var held = await db.Queries.TransitionsAfterAsync(run, first.Cursor);
        Assert.Empty(held.Items);
        Assert.True(held.More);
        var waiting = FollowAsync(held.Cursor, 2);
        await RunAsync(early, "COMMIT");
        var page = await waiting;
        Assert.Equal(["1", "2"], page.Items.Select(i => i.Transition.Detail));
        Assert.Empty((await db.Queries.TransitionsAfterAsync(run, page.Cursor)).Items);
        var one = await db.Queries.TransitionsAfterAsync(run, first.Cursor, limit: 1);
        Assert.Equal("1", Assert.Single(one.Items).Transition.Detail);
        Assert.True(one.More);
        await Assert.ThrowsAsync<InvalidInputException>(() => db.Queries.TransitionsAfterAsync(run, "x"));

        // Any open transaction of the server holds lines back, also of concurrent tests.
        async Task<HistoryPage> FollowAsync(string? cursor, int count)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            var items = new List<HistoryEntry>();
            while (items.Count < count)
            {
                var next = await db.Queries.TransitionsAfterAsync(run, cursor, cancellationToken: deadline.Token);
                items.AddRange(next.Items);
                cursor = next.Cursor;
            }

            return new(items, cursor, More: false);
        }

        static string Insert(RunId run, int n) =>
            $"INSERT INTO state_transitions (machine, entity_id, run_id, sequence, at, to_status, detail, actor) VALUES ('run', "
            + $"'{Guid.CreateVersion7()}', '{run}', 1, now(), 'pending', '{n}', 'system')";

        static async Task RunAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    [Fact]
    public async Task ChangeFeed_YieldsForEachCommittedChangeOfItsRun()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = await db.CreateRunAsync();
        var other = await db.CreateRunAsync();
        await using var listener = new Live.PostgresListener(db.Source, TimeProvider.System, NullLogger<Live.PostgresListener>.Instance);
        var feed = new Live.PostgresChangeFeed(listener);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await using var mine = feed.Changes(run.Row!.Id, deadline.Token).GetAsyncEnumerator();
        await using var all = feed.Changes(null, deadline.Token).GetAsyncEnumerator();
        Assert.True(await mine.MoveNextAsync());
        Assert.True(await all.MoveNextAsync());
        await listener.FirstConnected;

        await other.MoveAsync(Status.Running);
        do
        {
            // The start of listening is yielded, too.
            Assert.True(await all.MoveNextAsync());
        } while (all.Current != other.Row!.Id);
        await run.MoveAsync(Status.Running);
        Assert.True(await mine.MoveNextAsync());
        Assert.Equal(run.Row.Id, mine.Current);
    }

    [Fact]
    public async Task ChangeFeed_OfAllRuns_YieldsWhenTheCatalogChanged()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = await db.CreateRunAsync();
        await using var listener = new Live.PostgresListener(db.Source, TimeProvider.System, NullLogger<Live.PostgresListener>.Instance);
        var feed = new Live.PostgresChangeFeed(listener);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await using var mine = feed.Changes(run.Row!.Id, deadline.Token).GetAsyncEnumerator();
        await using var all = feed.Changes(null, deadline.Token).GetAsyncEnumerator();
        Assert.True(await all.MoveNextAsync());
        await listener.FirstConnected;
        await FenceAsync();
        Assert.True(await mine.MoveNextAsync());
        var (projects, repositories, tokens) = (
            new ProjectStore(db.Source, TimeProvider.System),
            new RepositoryStore(db.Source, TimeProvider.System),
            new TokenStore(db.Source, TimeProvider.System)
        );

        var project = await ToldAsync(() => projects.CreateAsync("new", null));
        await ToldAsync(() => projects.UpdateAsync(project.Id, "newer", null));
        var repository = await ToldAsync(() => repositories.CreateAsync(new(project.Id, "it", "git", "/it", "main")));
        await ToldAsync(() => repositories.UpdateAsync(repository.Id, new(Name: "that")));
        await ToldAsync(() => new PipelineStore(db.Source, TimeProvider.System).SyncAsync(repository.Id, "it", ["push"]));
        await ToldAsync(() => DoneAsync(repositories.DeleteAsync(repository.Id)));
        var token = await ToldAsync(() => tokens.CreateAsync("a", "read", "shp_0123456789"));
        await ToldAsync(() => DoneAsync(tokens.TouchAsync(token.Id)));

        // Within a minute: nothing is written, and nothing is notified. Readers of one run are not woken by any of it.
        var quiet = mine.MoveNextAsync().AsTask();
        await tokens.TouchAsync(token.Id);
        Assert.Equal([run.Row.Id], await FenceAsync(run));
        Assert.True(await quiet);

        async Task<T> ToldAsync<T>(Func<Task<T>> change)
        {
            await FenceAsync();
            var result = await change();
            Assert.True(await all.MoveNextAsync());
            Assert.Equal(default, all.Current);
            return result;
        }

        static async Task<bool> DoneAsync(Task task)
        {
            await task;
            return true;
        }

        // Everything that was yielded before a new run's own notification.
        async Task<List<RunId>> FenceAsync(TestState<RunRecord>? moved = null)
        {
            var fence = moved ?? await db.CreateRunAsync();
            if (moved is not null)
            {
                await moved.MoveAsync(Status.Running);
            }

            var told = new List<RunId>();
            do
            {
                Assert.True(await all.MoveNextAsync());
                told.Add(all.Current);
            } while (all.Current != fence.Row!.Id);
            return told;
        }
    }

    [Fact]
    public async Task LogNews_OfManyLogs_ReachAnotherSiloInFewNotifications()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        await using var here = new Live.PostgresListener(db.Source, TimeProvider.System, NullLogger<Live.PostgresListener>.Instance);
        await using var there = new Live.PostgresListener(db.Source, TimeProvider.System, NullLogger<Live.PostgresListener>.Instance);
        await using var teller = new Live.PostgresLogNotifier(
            here,
            db.Source,
            TimeProvider.System,
            NullLogger<Live.PostgresLogNotifier>.Instance
        );
        await using var hearer = new Live.PostgresLogNotifier(
            there,
            db.Source,
            TimeProvider.System,
            NullLogger<Live.PostgresLogNotifier>.Instance
        );
        await there.FirstConnected;
        var grown = Enumerable.Range(0, 600).Select(_ => ExecutionId.New(TimeProvider.System)).ToHashSet();
        var (missing, all) = (new HashSet<ExecutionId>(grown), new TaskCompletionSource());
        var told = 0;
        hearer.Grew += id =>
        {
            told++;
            if (missing.Remove(id) && missing.Count == 0)
            {
                all.SetResult();
            }
        };
        foreach (var id in grown.Concat(grown).Concat(grown))
        {
            teller.Tell(id);
        }

        await all.Task.WaitAsync(TimeSpan.FromSeconds(30));
        // A log that grew again before its notification is notified once.
        Assert.InRange(told, 600, (3 * 600) - 1);
    }

    private static async Task<(RunId Run, TestState<ExecutionRecord> Execution)> WithExecutionAsync(TestDatabase db)
    {
        var run = await db.CreateRunAsync();
        var job = await db.LoadAsync<JobRecord>(run.Row!.Jobs[0].Id.Value);
        var execution = db.NewExecution(job.Row!);
        await execution.WriteAsync();
        return (run.Row.Id, execution);
    }

    private static async Task<ArtifactRow> AddArtifactAsync(TestDatabase db, TestState<ExecutionRecord> execution, string name)
    {
        var id = ArtifactId.New(TimeProvider.System);
        return (
            await new ArtifactMetadataStore(db.Source).InsertAsync(
                new()
                {
                    Id = id,
                    JobId = execution.Row!.Spec.Worker.JobId,
                    ExecutionId = execution.Row.Id,
                    Type = "binary",
                    FileName = name,
                    StorageBackend = "nfs",
                    StoragePath = $"{id}/payload",
                    Size = 3,
                    Checksum = new string('0', 64),
                    CreatedAt = TestDatabase.Now(),
                }
            )
        ).Row;
    }
}
