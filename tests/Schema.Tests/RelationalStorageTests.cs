using Npgsql;
using Orleans.Storage;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

public sealed class RelationalStorageTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Run_FirstWrite_AddsItsJobsAndStepsWithTheirHistory()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = db.NewRun(jobs: 2, steps: 3);
        await db.CreateRunAsync(run);

        var jobs = await db.Queries.JobsAsync(run.Id);
        Assert.Equal(["job0", "job1"], jobs.Select(j => j.Name));
        Assert.All(jobs, j => Assert.Equal(Status.Pending, j.Status));
        Assert.All(jobs, j => Assert.Equal(["step0", "step1", "step2"], j.Steps.Select(s => s.Name)));
        var history = await db.Queries.HistoryAsync(run.Id);
        Assert.Equal(1 + 2 + 6, history.Count);
        Assert.All(history, h => Assert.Equal((1, null, Status.Pending), (h.Transition.Sequence, h.Transition.From, h.Transition.To)));
    }

    [Fact]
    public async Task Run_ReadBack_IsWhatWasWritten()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = db.NewRun() with { IdempotencyKey = "key" };
        await db.CreateRunAsync(run);
        var read = await db.LoadAsync<RunRecord>(run.Id.Value);

        Assert.Equal("1", read.ETag);
        Assert.Equal(PlanJson.Serialize(run), PlanJson.Serialize(read.Row!));
        Assert.Equal(run.Life, read.Row!.Life);
    }

    [Fact]
    public async Task Run_FirstWrite_StoresTheJobsAsTheyAreGiven()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var first = await db.CreateRunAsync();
        var run = db.NewRun();
        run = run with { Jobs = run.Jobs.SetItem(0, run.Jobs[0] with { ReusedFrom = first.Row!.Jobs[0].Id }) };
        var cell = db.State(run.Id.Value, run);
        var jobs = PendingJobs.Of(run);
        var pending = jobs[0];
        cell.Add(PendingJobs.History(run, jobs));
        var skipped = pending.Life.MoveTo(Status.Skipped, TestDatabase.Now(), Reason.Condition, "Taken from run 1.");
        cell.Add(pending.Life, skipped, run.Id, pending.Id.Value);
        cell.InitialJobs = jobs.SetItem(0, pending with { Life = skipped });
        await cell.WriteAsync();

        var stored = await db.Queries.JobsAsync(run.Id);
        Assert.Equal((Status.Skipped, Reason.Condition, "Taken from run 1."), (stored[0].Status, stored[0].Reason, stored[0].Detail));
        Assert.Equal(first.Row.Jobs[0].Id, stored[0].ReusedFrom);
        Assert.All(stored[0].Steps, s => Assert.Equal(Status.Pending, s.Status));
        Assert.Equal((Status.Pending, null), (stored[1].Status, stored[1].ReusedFrom));
        var history = await db.Queries.HistoryAsync(run.Id);
        Assert.Equal([1, 2], history.Where(h => h.Transition.EntityId == pending.Id.Value).Select(h => h.Transition.Sequence));
    }

    [Fact]
    public async Task Run_FirstWriteWithoutTheRowsOfItsJobs_IsRefused()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = db.NewRun();
        var cell = db.State(run.Id.Value, run);
        var none = await Assert.ThrowsAsync<InvalidInputException>(cell.WriteAsync);
        Assert.Contains("its plan has 2 jobs", none.Message, StringComparison.Ordinal);
        var jobs = PendingJobs.Of(run);
        cell.InitialJobs = jobs.SetItem(1, jobs[1] with { Steps = [jobs[1].Steps[0]] });
        var tooFew = await Assert.ThrowsAsync<InvalidInputException>(cell.WriteAsync);
        Assert.Contains("job 'job1' has 2 steps in the plan, but 1 were given", tooFew.Message, StringComparison.Ordinal);
        Assert.Equal(("run_plan", "run_plan"), (none.Code, tooFew.Code));
        Assert.Empty(await db.Queries.JobsAsync(run.Id));
    }

    [Fact]
    public async Task Job_WithStepsAndExecution_ReadBackIsWhatWasWritten()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = await db.CreateRunAsync();
        var job = await db.LoadAsync<JobRecord>(run.Row!.Jobs[0].Id.Value);
        var execution = db.NewExecution(job.Row!);
        var step = job.Row!.Steps[0];
        var running = step.Life.MoveTo(Status.Running, TestDatabase.Now());
        job.Add(step.Life, running, run.Row.Id, step.Id.Value);
        job.Row = job.Row with
        {
            Cancel = new(TestDatabase.Now(), Reason.CanceledByUser, "Stop.", "token:ada"),
            NotBefore = TestDatabase.Now(),
            Steps = job.Row.Steps.SetItem(
                0,
                step with
                {
                    Life = running,
                    Executions = [execution.Row!.Id],
                    Started = 1,
                    ExitCode = 3,
                    NotBefore = TestDatabase.Now(),
                }
            ),
        };
        await job.MoveAsync(Status.Running);
        execution.Row = execution.Row with { ClaimedBy = "r1", ExitCode = 3, LogsUri = "file:///log", Cancel = job.Row.Cancel };
        await execution.WriteAsync();
        await execution.MoveAsync(Status.Submitted);
        await execution.MoveAsync(Status.Failed, Reason.ExitCode, "Exit code 3.");

        var jobRead = await db.LoadAsync<JobRecord>(job.Row.Id.Value);
        Assert.Equal("2", jobRead.ETag);
        Assert.Equal(PlanJson.Serialize(job.Row), PlanJson.Serialize(jobRead.Row!));
        Assert.Equal(job.Row.Steps.Select(s => s.Life), jobRead.Row!.Steps.Select(s => s.Life));
        var read = await db.LoadAsync<ExecutionRecord>(execution.Row.Id.Value);
        Assert.Equal("3", read.ETag);
        Assert.Equal(PlanJson.Serialize(execution.Row), PlanJson.Serialize(read.Row!));
        Assert.Equal(execution.Row.Life, read.Row!.Life);
    }

    [Fact]
    public async Task Read_OfNothing_HasNoRowAndNoETag()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var cell = await db.LoadAsync<ExecutionRecord>(Guid.CreateVersion7());
        Assert.Null(cell.Row);
        Assert.Null(cell.ETag);
    }

    [Fact]
    public async Task OtherState_IsRefusedByName()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var id = GrainId.Create(GrainType.Create("test"), GrainIdKeyExtensions.CreateGuidKey(Guid.CreateVersion7()));
        var error = await Assert.ThrowsAsync<NotSupportedException>(() =>
            db.Storage.ReadStateAsync("s", id, new GrainState<Stored<string>>())
        );
        Assert.Contains("String", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NotSupportedException>(() => db.Storage.ClearStateAsync("s", id, new GrainState<Stored<RunRecord>>()));
    }

    [Fact]
    public async Task Conflict_OfOneGrain_FailsOnlyItsWrite()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = await db.CreateRunAsync(db.NewRun(jobs: 8, steps: 1));
        var jobs = await Task.WhenAll(run.Row!.Jobs.Select(j => db.LoadAsync<JobRecord>(j.Id.Value)));
        var rival = await db.LoadAsync<JobRecord>(run.Row.Jobs[3].Id.Value);
        await rival.MoveAsync(Status.Running);

        // One batch for all: the database is blocked until every write is queued.
        await using (await BlockedAsync(db))
        {
            var first = db.CreateRunAsync();
            await Until(() => db.Writer.Waiting == 0);
            var step = jobs[3].Row!.Steps[0];
            var life = step.Life.MoveTo(Status.Running, TestDatabase.Now());
            jobs[3].Add(step.Life, life, run.Row.Id, step.Id.Value);
            jobs[3].Row = jobs[3].Row! with { Steps = [step with { Life = life }] };
            var writes = jobs.Select(j => j.MoveAsync(Status.Running)).ToList();
            await Until(() => db.Writer.Waiting == writes.Count);
            Pending = (first, writes);
        }

        await Pending.First;
        for (var i = 0; i < jobs.Length; i++)
        {
            if (i == 3)
            {
                await Assert.ThrowsAsync<InconsistentStateException>(() => Pending.Writes[3]);
            }
            else
            {
                await Pending.Writes[i];
                Assert.Equal("2", jobs[i].ETag);
            }
        }

        var views = await db.Queries.JobsAsync(run.Row.Id);
        Assert.All(views, v => Assert.Equal(Status.Running, v.Status));
        Assert.Equal(Status.Pending, views[3].Steps[0].Status);
        var history = await db.Queries.HistoryAsync(run.Row.Id);
        Assert.Single(history, h => h.Transition.EntityId == views[3].Steps[0].Id.Value);
    }

    [Fact]
    public async Task Poisoned_Item_FailsAloneWithAClearError()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var runs = Enumerable.Range(0, 10).Select(_ => db.NewRun(1, 1)).ToList();
        runs[4] = runs[4] with { PipelineId = PipelineId.New(TimeProvider.System) };
        List<Task<TestState<RunRecord>>> writes;
        Task<TestState<RunRecord>> first;
        await using (await BlockedAsync(db))
        {
            first = db.CreateRunAsync();
            await Until(() => db.Writer.Waiting == 0);
            writes = [.. runs.Select(r => db.CreateRunAsync(r))];
            await Until(() => db.Writer.Waiting == writes.Count);
        }

        await first;
        var error = await Assert.ThrowsAsync<ShipinatorException>(() => writes[4]);
        Assert.Equal("storage_rejected", error.Code);
        Assert.Contains(runs[4].Id.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains("pipeline_runs_pipeline_id_fkey", error.Message, StringComparison.Ordinal);
        await Task.WhenAll(writes.Where((_, i) => i != 4));
        Assert.Equal(10, await db.CountAsync("SELECT count(*) FROM pipeline_runs"));
        Assert.Equal(0, await db.CountAsync($"SELECT count(*) FROM state_transitions WHERE run_id = '{runs[4].Id}'"));
    }

    [Fact]
    public async Task FirstWrite_RacedByTwo_LetsOneWin()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        await using var other = new Storage.GroupCommitWriter(
            db.Source,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<Storage.GroupCommitWriter>.Instance
        );
        var rivalStorage = new Storage.RelationalGrainStorage(db.Source, other);
        for (var i = 0; i < 10; i++)
        {
            var run = db.NewRun(1, 1);
            var a = db.CreateRunAsync(run);
            var rival = new TestState<RunRecord>(rivalStorage, run.Id.Value) { Row = run };
            rival.Add(null, run.Life, run.Id);
            rival.InitialJobs = PendingJobs.Of(run);
            rival.Add(PendingJobs.History(run, rival.InitialJobs));
            var b = rival.WriteAsync();
            var outcomes = new[] { await Outcome(a), await Outcome(b) };
            Assert.Single(outcomes, o => o is null);
            Assert.Single(outcomes, o => o is InconsistentStateException);
            Assert.Equal(3, (await db.Queries.HistoryAsync(run.Id)).Count);
        }
    }

    [Fact]
    public async Task SameRow_TwiceInOneBatch_LetsOneWin()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = await db.CreateRunAsync();
        var a = await db.LoadAsync<RunRecord>(run.Row!.Id.Value);
        var b = await db.LoadAsync<RunRecord>(run.Row.Id.Value);
        List<Task> writes;
        Task first;
        await using (await BlockedAsync(db))
        {
            first = db.CreateRunAsync();
            await Until(() => db.Writer.Waiting == 0);
            writes = [a.MoveAsync(Status.Running), b.MoveAsync(Status.Canceled, Reason.CanceledByUser)];
            await Until(() => db.Writer.Waiting == 2);
        }

        await first;
        var outcomes = new[] { await Outcome(writes[0]), await Outcome(writes[1]) };
        Assert.Single(outcomes, o => o is null);
        Assert.Single(outcomes, o => o is InconsistentStateException);
        Assert.Equal("2", (await db.LoadAsync<RunRecord>(run.Row.Id.Value)).ETag);
    }

    [Fact]
    public async Task Write_IsNotAcknowledgedBeforeItsCommit_AndAFullQueueMakesCallersWait()
    {
        await using var db = await TestDatabase.StartAsync(postgres, new() { Capacity = 2, MaxBatch = 1 });
        List<Task<TestState<RunRecord>>> writes;
        await using (await BlockedAsync(db))
        {
            writes = [.. Enumerable.Range(0, 6).Select(_ => db.CreateRunAsync(db.NewRun(1, 1)))];
            await Until(() => db.Writer.Waiting == 2);
            Assert.All(writes, w => Assert.False(w.IsCompleted));
            Assert.Equal(0, await db.CountAsync("SELECT count(*) FROM jobs"));
            Assert.Equal(2, db.Writer.Waiting);
        }

        await Task.WhenAll(writes);
        Assert.Equal(6, await db.CountAsync("SELECT count(*) FROM pipeline_runs"));
    }

    [Fact]
    public async Task Text_ThatTheDatabaseCanNotStore_IsReplacedNotLost()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var run = await db.CreateRunAsync();
        await run.MoveAsync(Status.Failed, Reason.ExecutorError, "bad\0byte and half\uD83Da pair");
        var read = await db.LoadAsync<RunRecord>(run.Row!.Id.Value);
        Assert.Equal("bad\uFFFDbyte and half\uFFFDa pair", read.Row!.Life.Detail);
    }

    private (Task First, List<Task> Writes) Pending { get; set; }

    private static async Task<Exception?> Outcome(Task task)
    {
        try
        {
            await task;
            return null;
        }
        catch (Exception e) when (e is InconsistentStateException or ShipinatorException)
        {
            return e;
        }
    }

    /// <summary>Blocks new runs, so that the writer waits in its batch and further writes are queued.</summary>
    private static async Task<IAsyncDisposable> BlockedAsync(TestDatabase db)
    {
        var connection = await db.Source.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE pipeline_runs IN SHARE MODE", connection);
        await command.ExecuteNonQueryAsync();
        return new Block(connection);
    }

    private static async Task Until(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
        {
            await Task.Delay(5, deadline.Token);
        }
    }

    private sealed class Block(NpgsqlConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await using (var command = new NpgsqlCommand("COMMIT", connection))
            {
                await command.ExecuteNonQueryAsync();
            }

            await connection.DisposeAsync();
        }
    }
}
