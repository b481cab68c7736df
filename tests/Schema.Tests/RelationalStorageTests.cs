using Npgsql;
using Orleans.Storage;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

public sealed class RelationalStorageTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Run_FirstWrite_PlantsJobsAndStepsPendingWithTheirHistory()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = bench.NewRun(jobs: 2, steps: 3);
        await bench.PlantAsync(run);

        var jobs = await bench.Queries.JobsAsync(run.Id);
        Assert.Equal(["job0", "job1"], jobs.Select(j => j.Name));
        Assert.All(jobs, j => Assert.Equal(Status.Pending, j.Status));
        Assert.All(jobs, j => Assert.Equal(["step0", "step1", "step2"], j.Steps.Select(s => s.Name)));
        var history = await bench.Queries.HistoryAsync(run.Id);
        Assert.Equal(1 + 2 + 6, history.Count);
        Assert.All(history, h => Assert.Equal((1, null, Status.Pending), (h.Transition.Sequence, h.Transition.From, h.Transition.To)));
    }

    [Fact]
    public async Task Run_ReadBack_IsWhatWasWritten()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = bench.NewRun() with { IdempotencyKey = "key" };
        await bench.PlantAsync(run);
        var read = await bench.LoadAsync<RunRecord>(run.Id.Value);

        Assert.Equal("1", read.ETag);
        Assert.Equal(PlanJson.Serialize(run), PlanJson.Serialize(read.Row!));
        Assert.Equal(run.Life, read.Row!.Life);
    }

    [Fact]
    public async Task Run_ReusedJob_IsPlantedSkippedWithItsNote()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var first = await bench.PlantAsync();
        var run = bench.NewRun();
        run = run with
        {
            Jobs = run.Jobs.SetItem(0, run.Jobs[0] with { ReusedFrom = first.Row!.Jobs[0].Id, ReuseNote = "Taken from run 1." }),
        };
        await bench.PlantAsync(run);

        var job = (await bench.Queries.JobsAsync(run.Id))[0];
        Assert.Equal((Status.Skipped, Reason.Condition, "Taken from run 1."), (job.Status, job.Reason, job.Detail));
        Assert.Equal(first.Row.Jobs[0].Id, job.ReusedFrom);
        Assert.All(job.Steps, s => Assert.Equal(Status.Skipped, s.Status));
        var history = await bench.Queries.HistoryAsync(run.Id);
        Assert.Equal([1, 2], history.Where(h => h.Transition.EntityId == job.Id.Value).Select(h => h.Transition.Sequence));
    }

    [Fact]
    public async Task Job_WithStepsAndExecution_ReadBackIsWhatWasWritten()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = await bench.PlantAsync();
        var job = await bench.LoadAsync<JobRecord>(run.Row!.Jobs[0].Id.Value);
        var execution = bench.NewExecution(job.Row!);
        var step = job.Row!.Steps[0];
        var running = step.Life.MoveTo(Status.Running, Bench.Now());
        job.Add(step.Life, running, run.Row.Id, step.Id.Value);
        job.Row = job.Row with
        {
            Cancel = new(Bench.Now(), Reason.CanceledByUser, "Stop.", "token:ada"),
            NotBefore = Bench.Now(),
            Steps = job.Row.Steps.SetItem(
                0,
                step with
                {
                    Life = running,
                    Executions = [execution.Row!.Id],
                    Started = 1,
                    ExitCode = 3,
                    NotBefore = Bench.Now(),
                }
            ),
        };
        await job.MoveAsync(Status.Running);
        execution.Row = execution.Row with { ClaimedBy = "r1", ExitCode = 3, LogsUri = "file:///log", Cancel = job.Row.Cancel };
        await execution.WriteAsync();
        await execution.MoveAsync(Status.Submitted);
        await execution.MoveAsync(Status.Failed, Reason.ExitCode, "Exit code 3.");

        var jobRead = await bench.LoadAsync<JobRecord>(job.Row.Id.Value);
        Assert.Equal("2", jobRead.ETag);
        Assert.Equal(PlanJson.Serialize(job.Row), PlanJson.Serialize(jobRead.Row!));
        Assert.Equal(job.Row.Steps.Select(s => s.Life), jobRead.Row!.Steps.Select(s => s.Life));
        var read = await bench.LoadAsync<ExecutionRecord>(execution.Row.Id.Value);
        Assert.Equal("3", read.ETag);
        Assert.Equal(PlanJson.Serialize(execution.Row), PlanJson.Serialize(read.Row!));
        Assert.Equal(execution.Row.Life, read.Row!.Life);
    }

    [Fact]
    public async Task Read_OfNothing_HasNoRowAndNoETag()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var cell = await bench.LoadAsync<ExecutionRecord>(Guid.CreateVersion7());
        Assert.Null(cell.Row);
        Assert.Null(cell.ETag);
    }

    [Fact]
    public async Task OtherState_IsRefusedByName()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var id = GrainId.Create(GrainType.Create("test"), GrainIdKeyExtensions.CreateGuidKey(Guid.CreateVersion7()));
        var error = await Assert.ThrowsAsync<NotSupportedException>(() =>
            bench.Storage.ReadStateAsync("s", id, new GrainState<Stored<string>>())
        );
        Assert.Contains("String", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NotSupportedException>(() => bench.Storage.ClearStateAsync("s", id, new GrainState<Stored<RunRecord>>()));
    }

    [Fact]
    public async Task Conflict_OfOneGrain_FailsItAloneAndWritesNothingOfIt()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = await bench.PlantAsync(bench.NewRun(jobs: 8, steps: 1));
        var jobs = await Task.WhenAll(run.Row!.Jobs.Select(j => bench.LoadAsync<JobRecord>(j.Id.Value)));
        var rival = await bench.LoadAsync<JobRecord>(run.Row.Jobs[3].Id.Value);
        await rival.MoveAsync(Status.Running);

        // One batch for all: the database is held still until every write waits.
        await using (await BlockedAsync(bench))
        {
            var first = bench.PlantAsync();
            await Until(() => bench.Writer.Waiting == 0);
            var step = jobs[3].Row!.Steps[0];
            var life = step.Life.MoveTo(Status.Running, Bench.Now());
            jobs[3].Add(step.Life, life, run.Row.Id, step.Id.Value);
            jobs[3].Row = jobs[3].Row! with { Steps = [step with { Life = life }] };
            var writes = jobs.Select(j => j.MoveAsync(Status.Running)).ToList();
            await Until(() => bench.Writer.Waiting == writes.Count);
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

        var views = await bench.Queries.JobsAsync(run.Row.Id);
        Assert.All(views, v => Assert.Equal(Status.Running, v.Status));
        Assert.Equal(Status.Pending, views[3].Steps[0].Status);
        var history = await bench.Queries.HistoryAsync(run.Row.Id);
        Assert.Single(history, h => h.Transition.EntityId == views[3].Steps[0].Id.Value);
    }

    [Fact]
    public async Task Poisoned_Item_FailsAloneWithAClearError()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var runs = Enumerable.Range(0, 10).Select(_ => bench.NewRun(1, 1)).ToList();
        runs[4] = runs[4] with { PipelineId = PipelineId.New(TimeProvider.System) };
        List<Task<Cell<RunRecord>>> writes;
        Task<Cell<RunRecord>> first;
        await using (await BlockedAsync(bench))
        {
            first = bench.PlantAsync();
            await Until(() => bench.Writer.Waiting == 0);
            writes = [.. runs.Select(r => bench.PlantAsync(r))];
            await Until(() => bench.Writer.Waiting == writes.Count);
        }

        await first;
        var error = await Assert.ThrowsAsync<ShipinatorException>(() => writes[4]);
        Assert.Equal("storage_rejected", error.Code);
        Assert.Contains(runs[4].Id.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains("pipeline_runs_pipeline_id_fkey", error.Message, StringComparison.Ordinal);
        await Task.WhenAll(writes.Where((_, i) => i != 4));
        Assert.Equal(10, await bench.CountAsync("SELECT count(*) FROM pipeline_runs"));
        Assert.Equal(0, await bench.CountAsync($"SELECT count(*) FROM state_transitions WHERE run_id = '{runs[4].Id}'"));
    }

    [Fact]
    public async Task FirstWrite_RacedByTwo_LetsOneWin()
    {
        await using var bench = await Bench.StartAsync(postgres);
        await using var other = new Storage.GroupCommitWriter(
            bench.Source,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<Storage.GroupCommitWriter>.Instance
        );
        var rivalStorage = new Storage.RelationalGrainStorage(bench.Source, other);
        for (var i = 0; i < 10; i++)
        {
            var run = bench.NewRun(1, 1);
            var a = bench.PlantAsync(run);
            var rival = new Cell<RunRecord>(rivalStorage, run.Id.Value) { Row = run };
            rival.Add(null, run.Life, run.Id);
            var b = rival.WriteAsync();
            var outcomes = new[] { await Outcome(a), await Outcome(b) };
            Assert.Single(outcomes, o => o is null);
            Assert.Single(outcomes, o => o is InconsistentStateException);
            Assert.Equal(3, (await bench.Queries.HistoryAsync(run.Id)).Count);
        }
    }

    [Fact]
    public async Task SameRow_TwiceInOneBatch_LetsOneWin()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = await bench.PlantAsync();
        var a = await bench.LoadAsync<RunRecord>(run.Row!.Id.Value);
        var b = await bench.LoadAsync<RunRecord>(run.Row.Id.Value);
        List<Task> writes;
        Task first;
        await using (await BlockedAsync(bench))
        {
            first = bench.PlantAsync();
            await Until(() => bench.Writer.Waiting == 0);
            writes = [a.MoveAsync(Status.Running), b.MoveAsync(Status.Canceled, Reason.CanceledByUser)];
            await Until(() => bench.Writer.Waiting == 2);
        }

        await first;
        var outcomes = new[] { await Outcome(writes[0]), await Outcome(writes[1]) };
        Assert.Single(outcomes, o => o is null);
        Assert.Single(outcomes, o => o is InconsistentStateException);
        Assert.Equal("2", (await bench.LoadAsync<RunRecord>(run.Row.Id.Value)).ETag);
    }

    [Fact]
    public async Task Nothing_IsAcknowledgedBeforeItsCommit_AndAFullQueueMakesCallersWait()
    {
        await using var bench = await Bench.StartAsync(postgres, new() { Capacity = 2, MaxBatch = 1 });
        List<Task<Cell<RunRecord>>> writes;
        await using (await BlockedAsync(bench))
        {
            writes = [.. Enumerable.Range(0, 6).Select(_ => bench.PlantAsync(bench.NewRun(1, 1)))];
            await Until(() => bench.Writer.Waiting == 2);
            Assert.All(writes, w => Assert.False(w.IsCompleted));
            Assert.Equal(0, await bench.CountAsync("SELECT count(*) FROM jobs"));
            Assert.Equal(2, bench.Writer.Waiting);
        }

        await Task.WhenAll(writes);
        Assert.Equal(6, await bench.CountAsync("SELECT count(*) FROM pipeline_runs"));
    }

    [Fact]
    public async Task Text_ThatTheDatabaseCannotHold_IsMendedNotLost()
    {
        await using var bench = await Bench.StartAsync(postgres);
        var run = await bench.PlantAsync();
        await run.MoveAsync(Status.Failed, Reason.ExecutorError, "bad\0byte and half\uD83Da pair");
        var read = await bench.LoadAsync<RunRecord>(run.Row!.Id.Value);
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

    /// <summary>Holds every new run back, so that the writer stands still in its batch and the rest gathers.</summary>
    private static async Task<IAsyncDisposable> BlockedAsync(Bench bench)
    {
        var connection = await bench.Source.OpenConnectionAsync();
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
