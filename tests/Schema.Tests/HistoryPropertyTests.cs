using CsCheck;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

public sealed class HistoryPropertyTests(PostgresFixture postgres)
{
    private static readonly Gen<(int Entity, Status To)[]> Moves = Gen.Select(Gen.Int[0, 7], Gen.Enum<Status>()).Array[1, 40];

    [Fact]
    public async Task AnySequenceOfMoves_StoredHistoryFoldsToTheCurrentRows()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        await Moves.SampleAsync(
            async moves =>
            {
                var run = await db.CreateRunAsync(db.NewRun(jobs: 2, steps: 2));
                var jobs = await Task.WhenAll(run.Row!.Jobs.Select(j => db.LoadAsync<JobRecord>(j.Id.Value)));
                var execution = db.NewExecution(jobs[0].Row!);
                await execution.WriteAsync();
                foreach (var (entity, to) in moves)
                {
                    await ApplyAsync(run, jobs, execution, entity, to);
                }

                var folded = (await db.Queries.HistoryAsync(run.Row.Id))
                    .GroupBy(h => h.Transition.EntityId)
                    .ToDictionary(g => g.Key, g => g.Aggregate((Lifecycle?)null, (life, h) => Lifecycle.Fold(life, h.Transition))!);
                var stored = new Dictionary<Guid, Lifecycle>
                {
                    [run.Row.Id.Value] = (await db.LoadAsync<RunRecord>(run.Row.Id.Value)).Row!.Life,
                    [execution.Row!.Id.Value] = (await db.LoadAsync<ExecutionRecord>(execution.Row.Id.Value)).Row!.Life,
                };
                foreach (var job in jobs)
                {
                    var read = (await db.LoadAsync<JobRecord>(job.Row!.Id.Value)).Row!;
                    stored[read.Id.Value] = read.Life;
                    foreach (var step in read.Steps)
                    {
                        stored[step.Id.Value] = step.Life;
                    }
                }

                Assert.Equal(stored.Count, folded.Count);
                foreach (var (id, life) in stored)
                {
                    Assert.Equal(life, folded[id]);
                }
            },
            iter: 60,
            threads: 4
        );
    }

    private static async Task ApplyAsync(
        TestState<RunRecord> run,
        TestState<JobRecord>[] jobs,
        TestState<ExecutionRecord> execution,
        int entity,
        Status to
    )
    {
        var reason = to == Status.Failed ? (Reason?)Reason.ExitCode : null;
        switch (entity)
        {
            case 0 when StateMachines.Allows(Machine.Run, run.Row!.Life.Status, to):
                await run.MoveAsync(to, reason);
                break;
            case 1 when StateMachines.Allows(Machine.Execution, execution.Row!.Life.Status, to):
                await execution.MoveAsync(to, reason, "why");
                break;
            case 2 or 3 when StateMachines.Allows(Machine.Job, jobs[entity - 2].Row!.Life.Status, to):
                await jobs[entity - 2].MoveAsync(to, reason);
                break;
            case >= 4:
                var job = jobs[(entity - 4) / 2];
                var index = entity % 2;
                var step = job.Row!.Steps[index];
                if (StateMachines.Allows(Machine.Step, step.Life.Status, to))
                {
                    var life = step.Life.MoveTo(to, TestDatabase.Now(), reason);
                    job.Add(step.Life, life, job.Row.Spec.RunId, step.Id.Value);
                    job.Row = job.Row with { Steps = job.Row.Steps.SetItem(index, step with { Life = life }) };
                    await job.WriteAsync();
                }

                break;
        }
    }
}
