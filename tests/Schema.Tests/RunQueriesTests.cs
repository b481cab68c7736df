using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

public sealed class RunQueriesTests(PostgresFixture postgres)
{
    [Fact]
    public async Task List_ByPages_GivesEveryRunOnceNewestFirst()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var runs = new List<RunId>();
        for (var i = 0; i < 7; i++)
        {
            runs.Add((await bench.PlantAsync(bench.NewRun(1, 1, i % 2 == 0 ? "main" : "dev"))).Row!.Id);
        }

        Assert.Equal(runs.AsEnumerable().Reverse(), await AllAsync(new()));
        Assert.Equal(
            4,
            (
                await AllAsync(
                    new()
                    {
                        Branch = "main",
                        Repository = bench.Repository.Id,
                        Project = bench.Project.Id,
                        Event = "push",
                    }
                )
            ).Count
        );
        Assert.Equal(7, (await AllAsync(new() { Status = Status.Pending, Pipeline = bench.Pipeline.Id })).Count);
        Assert.Empty(await AllAsync(new() { Status = Status.Failed }));
        Assert.Empty(await AllAsync(new() { Event = "pr" }));

        async Task<List<RunId>> AllAsync(RunFilter filter)
        {
            var all = new List<RunId>();
            string? cursor = null;
            do
            {
                var page = await bench.Queries.ListAsync(filter, new(2, cursor));
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
    public async Task List_WithACursorThatItNeverGave_IsRefused(string cursor)
    {
        await using var bench = await Bench.StartAsync(postgres);
        var error = await Assert.ThrowsAsync<InvalidInputException>(() => bench.Queries.ListAsync(new(), new(null, cursor)));
        Assert.Equal("cursor", error.Code);
        Assert.Throws<InvalidInputException>(() => new PageRequest(0));
        Assert.Throws<InvalidInputException>(() => new PageRequest(201));
    }

    [Fact]
    public async Task Get_HasTheNamesOfWhatItBelongsTo()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = await bench.PlantAsync();
        var view = await bench.Queries.GetAsync(run.Row!.Id);
        Assert.Equal(
            ("shop", "web", "web", "main", "A change"),
            (view!.ProjectName, view.RepositoryName, view.PipelineName, view.Branch, view.CommitMessage)
        );
        Assert.Equal(PlanJson.Serialize(run.Row.Plan), PlanJson.Serialize((await bench.Queries.PlanAsync(run.Row.Id))!));
        Assert.Null(await bench.Queries.GetAsync(RunId.New(TimeProvider.System)));
    }

    [Fact]
    public async Task Jobs_HoldExecutionsAndArtifactsBelowTheirSteps()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var (run, execution) = await WithExecutionAsync(bench);
        var artifact = await AddArtifactAsync(bench, execution, "out.bin");
        var again = await AddArtifactAsync(bench, execution, "out.bin");
        Assert.Equal(artifact.Id, again.Id);

        var jobs = await bench.Queries.JobsAsync(run);
        var shown = Assert.Single(jobs[0].Steps[0].Executions);
        Assert.Equal(execution.Row!.Id, shown.Id);
        Assert.Equal(artifact.Id, Assert.Single(shown.Artifacts).Id);
        Assert.Equal(artifact.Id, Assert.Single((await bench.Queries.ExecutionAsync(shown.Id))!.Artifacts).Id);
        Assert.Equal(artifact.Id, Assert.Single(await new ArtifactMetadataStore(bench.Source).ListByRunAsync(run)).Id);
    }

    [Fact]
    public async Task ArtifactIndex_FindsWhatSucceededInTheRunAndInTheJobsThatStandForIt()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var (run, execution) = await WithExecutionAsync(bench);
        var artifact = await AddArtifactAsync(bench, execution, "out.bin");
        var index = new ArtifactIndex(bench.Source);
        var wanted = new InputSpec { Type = "binary", Path = "in" };
        Assert.Empty(await index.Find(run, bench.Project.Id, wanted, default));
        await execution.MoveAsync(Status.Submitted);
        await execution.MoveAsync(Status.Success);
        Assert.Equal(artifact.Id, Assert.Single(await index.Find(run, bench.Project.Id, wanted, default)).Id);
        Assert.Single(await index.Find(run, bench.Project.Id, new() { Step = "step0", Path = "in" }, default));
        Assert.Empty(await index.Find(run, bench.Project.Id, new() { Step = "step1", Path = "in" }, default));
        Assert.Empty(await index.Find(run, bench.Project.Id, new() { Type = "chart", Path = "in" }, default));

        var rerun = bench.NewRun();
        rerun = rerun with { Jobs = rerun.Jobs.SetItem(0, rerun.Jobs[0] with { ReusedFrom = execution.Row!.Spec.Worker.JobId }) };
        await bench.PlantAsync(rerun);
        var third = bench.NewRun();
        third = third with { Jobs = third.Jobs.SetItem(0, third.Jobs[0] with { ReusedFrom = rerun.Jobs[0].Id }) };
        await bench.PlantAsync(third);
        Assert.Equal("step0", Assert.Single(await index.Find(third.Id, bench.Project.Id, wanted, default)).StepName);

        var byId = new InputSpec { ArtifactId = artifact.Id, Path = "in" };
        Assert.Single(await index.Find(RunId.New(TimeProvider.System), bench.Project.Id, byId, default));
        Assert.Empty(await index.Find(run, ProjectId.New(TimeProvider.System), byId, default));
        Assert.Single(await index.OfExecution(execution.Row.Id, default));
    }

    [Fact]
    public async Task ArtifactIndex_OfFailed_FindsWhatTheLastTryLeft()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var (run, execution) = await WithExecutionAsync(bench);
        var report = await AddArtifactAsync(bench, execution, "report.xml");
        var index = new ArtifactIndex(bench.Source);
        var wanted = new InputSpec
        {
            Type = "binary",
            Path = "in",
            OfFailed = true,
        };
        Assert.Empty(await index.Find(run, bench.Project.Id, wanted, default));
        await execution.MoveAsync(Status.Submitted);
        await execution.MoveAsync(Status.Failed);

        Assert.Equal(report.Id, Assert.Single(await index.Find(run, bench.Project.Id, wanted, default)).Id);
        Assert.Empty(await index.Find(run, bench.Project.Id, wanted with { OfFailed = null }, default));
    }

    [Fact]
    public async Task Unfinished_IsWhatIsNotTerminal()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var (run, execution) = await WithExecutionAsync(bench);
        var done = await bench.PlantAsync();
        await done.MoveAsync(Status.Canceled, Reason.CanceledByUser);
        var job = await bench.LoadAsync<JobRecord>(execution.Row!.Spec.Worker.JobId.Value);
        await job.MoveAsync(Status.Running);
        var work = new UnfinishedWork(bench.Source, bench.Writer);
        var found = new List<UnfinishedItem>();
        await foreach (var item in work.List(default))
        {
            found.Add(item);
        }

        Assert.Equal(
            [new(Machine.Run, run.Value), new(Machine.Job, job.Row!.Id.Value), new(Machine.Execution, execution.Row.Id.Value)],
            found
        );
        Assert.Empty(await work.Holders("process", default));
        await execution.MoveAsync(Status.Submitted);
        Assert.Equal(execution.Row.Id, Assert.Single(await work.Holders("process", default)).Execution);
        Assert.Empty(await work.Holders("kubernetes", default));
    }

    [Fact]
    public async Task Unfinished_HoldsWhatEndedAndIsNotSettled_UntilItIs()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var (_, execution) = await WithExecutionAsync(bench);
        var work = new UnfinishedWork(bench.Source, bench.Writer);
        await execution.MoveAsync(Status.Submitted);
        execution.Unsettled = true;
        await execution.MoveAsync(Status.Success);
        var id = execution.Row!.Id.Value;
        Assert.Contains(new(Machine.Execution, id), await ListAsync());
        // A write that is refused leaves no trace.
        var refused = await bench.PlantAsync();
        refused.ETag = "7";
        refused.Unsettled = true;
        await Assert.ThrowsAsync<Orleans.Storage.InconsistentStateException>(() =>
            refused.MoveAsync(Status.Canceled, Reason.CanceledByUser)
        );
        Assert.Equal(1, await bench.CountAsync("SELECT count(*) FROM unsettled"));
        await work.Settled(id, default);
        await work.Settled(id, default);
        Assert.DoesNotContain(await ListAsync(), i => i.Id == id);

        async Task<List<UnfinishedItem>> ListAsync()
        {
            var found = new List<UnfinishedItem>();
            await foreach (var item in work.List(default))
            {
                found.Add(item);
            }

            return found;
        }
    }

    [Fact]
    public async Task StopReport_OfAnExecution_ComesBackWhole()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var (_, execution) = await WithExecutionAsync(bench);
        var stopped = new StopReport(
            new()
            {
                Status = Status.Canceled,
                ExitCode = 143,
                Detail = "Somebody sent SIGTERM.",
                Reason = Reason.Lost,
                Artifacts = [ArtifactId.New(TimeProvider.System)],
            },
            Bench.Now()
        );
        execution.Row = execution.Row! with { Stopped = stopped };
        await execution.WriteAsync();
        var back = (await bench.LoadAsync<ExecutionRecord>(execution.Row.Id.Value)).Row!.Stopped!;
        Assert.Equal(stopped.Report.Artifacts, back.Report.Artifacts);
        Assert.Equal((stopped.At, stopped.Report with { Artifacts = [] }), (back.At, back.Report with { Artifacts = [] }));
    }

    [Fact]
    public async Task TransitionsAfter_FollowedByCursor_NeverSkipsALateCommit()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = (await bench.PlantAsync(bench.NewRun(1, 1))).Row!.Id;
        var first = await FollowAsync(null, 3);

        // The earlier transaction commits later.
        await using var early = await bench.Source.OpenConnectionAsync();
        await using var late = await bench.Source.OpenConnectionAsync();
        await RunAsync(early, "BEGIN");
        await RunAsync(early, Insert(run, 1));
        await RunAsync(late, Insert(run, 2));
        var held = await bench.Queries.TransitionsAfterAsync(run, first.Cursor);
        Assert.Empty(held.Items);
        Assert.True(held.More);
        var waiting = FollowAsync(held.Cursor, 2);
        await RunAsync(early, "COMMIT");
        var page = await waiting;
        Assert.Equal(["1", "2"], page.Items.Select(i => i.Transition.Detail));
        Assert.Empty((await bench.Queries.TransitionsAfterAsync(run, page.Cursor)).Items);
        var one = await bench.Queries.TransitionsAfterAsync(run, first.Cursor, limit: 1);
        Assert.Equal("1", Assert.Single(one.Items).Transition.Detail);
        Assert.True(one.More);
        await Assert.ThrowsAsync<InvalidInputException>(() => bench.Queries.TransitionsAfterAsync(run, "x"));

        // Any transaction of the server holds lines back, those of the tests beside this one too.
        async Task<HistoryPage> FollowAsync(string? cursor, int count)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            var items = new List<HistoryEntry>();
            while (items.Count < count)
            {
                var next = await bench.Queries.TransitionsAfterAsync(run, cursor, cancellationToken: deadline.Token);
                items.AddRange(next.Items);
                cursor = next.Cursor;
            }

            return new(items, cursor, More: false);
        }

        static string Insert(RunId run, int n) =>
            $"INSERT INTO state_transitions (machine, entity_id, run_id, sequence, at, to_status, detail, actor) VALUES ('run', '{Guid.CreateVersion7()}', '{run}', 1, now(), 'pending', '{n}', 'system')";

        static async Task RunAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    [Fact]
    public async Task ChangeFeed_TellsAboutEachCommittedChangeOfItsRun()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = await bench.PlantAsync();
        var other = await bench.PlantAsync();
        await using var notices = new Live.PostgresNotices(bench.Source, TimeProvider.System, NullLogger<Live.PostgresNotices>.Instance);
        var feed = new Live.PostgresChangeFeed(notices);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await using var mine = feed.Changes(run.Row!.Id, deadline.Token).GetAsyncEnumerator();
        await using var all = feed.Changes(null, deadline.Token).GetAsyncEnumerator();
        Assert.True(await mine.MoveNextAsync());
        Assert.True(await all.MoveNextAsync());
        await notices.Listening;

        await other.MoveAsync(Status.Running);
        do
        {
            // The beginning of listening is told too.
            Assert.True(await all.MoveNextAsync());
        } while (all.Current != other.Row!.Id);
        await run.MoveAsync(Status.Running);
        Assert.True(await mine.MoveNextAsync());
        Assert.Equal(run.Row.Id, mine.Current);
    }

    [Fact]
    public async Task ChangeFeed_TellsReadersOfAll_WhenTheCatalogChanged_WhoeverWroteIt()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = await bench.PlantAsync();
        await using var notices = new Live.PostgresNotices(bench.Source, TimeProvider.System, NullLogger<Live.PostgresNotices>.Instance);
        var feed = new Live.PostgresChangeFeed(notices);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await using var mine = feed.Changes(run.Row!.Id, deadline.Token).GetAsyncEnumerator();
        await using var all = feed.Changes(null, deadline.Token).GetAsyncEnumerator();
        Assert.True(await all.MoveNextAsync());
        await notices.Listening;
        await FenceAsync();
        Assert.True(await mine.MoveNextAsync());
        var (projects, repositories, tokens) = (
            new ProjectStore(bench.Source, TimeProvider.System),
            new RepositoryStore(bench.Source, TimeProvider.System),
            new TokenStore(bench.Source, TimeProvider.System)
        );

        var project = await ToldAsync(() => projects.CreateAsync("new", null));
        await ToldAsync(() => projects.UpdateAsync(project.Id, "newer", null));
        var repository = await ToldAsync(() => repositories.CreateAsync(new(project.Id, "it", "git", "/it", "main")));
        await ToldAsync(() => repositories.UpdateAsync(repository.Id, new(Name: "that")));
        await ToldAsync(() => new PipelineStore(bench.Source, TimeProvider.System).SyncAsync(repository.Id, "it", ["push"]));
        await ToldAsync(() => DoneAsync(repositories.DeleteAsync(repository.Id)));
        var token = await ToldAsync(() => tokens.CreateAsync("a", "read", "shp_0123456789"));
        await ToldAsync(() => DoneAsync(tokens.TouchAsync(token.Id)));

        // A minute has not gone by: nothing is written, and nothing told. Who looks at one run is not woken by any of it.
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

        // All that was told before a new run's own notice.
        async Task<List<RunId>> FenceAsync(Cell<RunRecord>? moved = null)
        {
            var fence = moved ?? await bench.PlantAsync();
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
    public async Task LogNews_OfManyLogs_ReachAnotherSiloInFewNotices()
    {
        await using var bench = await Bench.StartAsync(postgres);
        await using var here = new Live.PostgresNotices(bench.Source, TimeProvider.System, NullLogger<Live.PostgresNotices>.Instance);
        await using var there = new Live.PostgresNotices(bench.Source, TimeProvider.System, NullLogger<Live.PostgresNotices>.Instance);
        await using var teller = new Live.PostgresLogNews(
            here,
            bench.Source,
            TimeProvider.System,
            NullLogger<Live.PostgresLogNews>.Instance
        );
        await using var hearer = new Live.PostgresLogNews(
            there,
            bench.Source,
            TimeProvider.System,
            NullLogger<Live.PostgresLogNews>.Instance
        );
        await there.Listening;
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
        // What grew again before it was told is told once.
        Assert.InRange(told, 600, (3 * 600) - 1);
    }

    private static async Task<(RunId Run, Cell<ExecutionRecord> Execution)> WithExecutionAsync(Bench bench)
    {
        var run = await bench.PlantAsync();
        var job = await bench.LoadAsync<JobRecord>(run.Row!.Jobs[0].Id.Value);
        var execution = bench.NewExecution(job.Row!);
        await execution.WriteAsync();
        return (run.Row.Id, execution);
    }

    private static async Task<ArtifactRow> AddArtifactAsync(Bench bench, Cell<ExecutionRecord> execution, string name)
    {
        var id = ArtifactId.New(TimeProvider.System);
        return (
            await new ArtifactMetadataStore(bench.Source).InsertAsync(
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
                    CreatedAt = Bench.Now(),
                }
            )
        ).Row;
    }
}
