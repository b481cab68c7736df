using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Shipinator.Schema;
using Shipinator.Schema.Storage;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Benchmarks;

/// <summary>
/// What the indexes of lists (migrations 0018 and 0019) cost: how long they take to build on a long history, and the transitions of runs
/// per second without and with them (alternating rounds on three databases of one server).
/// </summary>
public static class IndexesBenchmark
{
    private const int Rows = 300_000;
    private const int Writers = 64;
    private const int Rounds = 5;
    private static readonly string[] Migrations = ["0018_list_indexes.sql", "0019_list_ranges.sql"];
    private static readonly TimeSpan RoundLength = TimeSpan.FromSeconds(3);

    /// <summary>Prints the build times, the medians and their ratios. Returns 0.</summary>
    public static async Task<int> RunAsync()
    {
        await using var postgres = new PostgresFixture { Fsync = true };
        await postgres.InitializeAsync();
        var sides = new List<Side>();
        for (var migrations = 0; migrations <= Migrations.Length; migrations++)
        {
            var side = await Side.OpenAsync(postgres);
            sides.Add(side);
            await side.ExecuteAsync(string.Concat(Migrations.Select(DropStatements)) + OlderStatements());
            await side.FillAsync(Rows);
            foreach (var migration in Migrations.Take(migrations))
            {
                var start = TimeProvider.System.GetTimestamp();
                await side.ExecuteAsync(Text(migration));
                var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{migration} on {Rows:N0} runs: {seconds:F1} s"));
            }

            await side.RoundAsync();
        }

        var results = sides.ConvertAll(_ => new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            for (var i = 0; i < sides.Count; i++)
            {
                // Another one goes first in each round.
                var side = (round + i) % sides.Count;
                results[side].Add(await sides[side].RoundAsync());
            }
        }

        var medians = results.ConvertAll(Yardstick.Median);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"transitions of runs: {medians[0]:F0}/s without, {medians[1]:F0}/s with 0018 (ratio {medians[1] / medians[0]:F2}), "
                    + $"{medians[2]:F0}/s with 0019 instead (ratio {medians[2] / medians[0]:F2})"
            )
        );
        foreach (var side in sides)
        {
            await side.DisposeAsync();
        }

        return 0;
    }

    private static string Text(string migration)
    {
        using var stream = typeof(Migrator).Assembly.GetManifestResourceStream(
            "migrations/" + Path.GetFileNameWithoutExtension(migration)
        )!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string DropStatements(string migration) =>
        string.Concat(
            Text(migration)
                .Split('\n')
                .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(w => w is ["CREATE", "INDEX" or "STATISTICS", ..])
                .Select(w => $"DROP {w[1]} IF EXISTS {w[2]};")
        );

    /// <summary>Makes again what the last migration drops of the first one.</summary>
    private static string OlderStatements() =>
        string.Concat(
            Text("0001_model.sql")
                .Split('\n')
                .Where(l =>
                    l.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["CREATE", "INDEX", var index, ..]
                    && Text(Migrations[^1]).Contains($"DROP INDEX {index};", StringComparison.Ordinal)
                )
        );

    private sealed class Side(ShipinatorDatabase database, GroupCommitWriter writer, RelationalGrainStorage storage) : IAsyncDisposable
    {
        private ProjectRow _project = null!;
        private RepositoryRow _repository = null!;
        private PipelineRow _pipeline = null!;
        private int _number = 10_000_000;

        public static async Task<Side> OpenAsync(PostgresFixture postgres)
        {
            var database = ShipinatorDatabase.Create(await postgres.CreateDatabaseAsync());
            var writer = new GroupCommitWriter(database.DataSource, NullLogger<GroupCommitWriter>.Instance);
            var side = new Side(database, writer, new(database.DataSource, writer));
            side._project = await new ProjectStore(database.DataSource, TimeProvider.System).CreateAsync("benchmark", null);
            side._repository = await new RepositoryStore(database.DataSource, TimeProvider.System).CreateAsync(
                new(side._project.Id, "benchmark", "git", "/benchmark", "main")
            );
            side._pipeline = await new PipelineStore(database.DataSource, TimeProvider.System).EnsureAsync(
                side._repository.Id,
                "benchmark",
                "push"
            );
            return side;
        }

        public async Task ExecuteAsync(string sql)
        {
            await using var command = database.DataSource.CreateCommand(sql);
            command.CommandTimeout = 0;
            await command.ExecuteNonQueryAsync();
        }

        public Task FillAsync(int rows) =>
            ExecuteAsync(
                $$"""
                INSERT INTO pipeline_runs (id, pipeline_id, git_ref, git_sha, status, created_at, repository_id, project_id, project_name,
                  repository_name, run_number, clone_url, executor, event, branch, actor, plan, jobs, sequence,
                  updated_at, version, finished_at)
                SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - ({{rows}} - g) * 1000::bigint), 12, '0')
                    || '70008000000000000000')::uuid, '{{_pipeline.Id}}', 'refs/heads/main', 'a',
                  CASE WHEN g % 20 = 0 THEN 'failed' ELSE 'success' END, now(), '{{_repository.Id}}', '{{_project.Id}}',
                  'shop', 'web', g, 'u',
                  'process', CASE WHEN g % 3 = 0 THEN 'pr' ELSE 'push' END, 'branch' || g % 50, 'system', '{}', '[]', 1, now(), 1, now()
                FROM generate_series(1, {{rows}}) g;
                ANALYZE pipeline_runs
                """
            );

        /// <summary>Writers that take one run after another through its life: three writes, of which each is a transition.</summary>
        public async Task<double> RoundAsync()
        {
            var time = TimeProvider.System;
            var began = time.GetTimestamp();
            var counts = await Task.WhenAll(
                Enumerable
                    .Range(0, Writers)
                    .Select(_ =>
                        Task.Run(async () =>
                        {
                            var count = 0;
                            while (time.GetElapsedTime(began) < RoundLength)
                            {
                                await WriteRunAsync();
                                count += 3;
                            }

                            return count;
                        })
                    )
            );
            return counts.Sum() / time.GetElapsedTime(began).TotalSeconds;
        }

        public async ValueTask DisposeAsync()
        {
            await writer.DisposeAsync();
            await database.DisposeAsync();
        }

        private async Task WriteRunAsync()
        {
            var run = NewRun();
            var jobs = PendingJobs.Of(run);
            var id = GrainId.Create(GrainType.Create("run"), GrainIdKeyExtensions.CreateGuidKey(run.Id.Value));
            var state = new GrainState<Stored<RunRecord>>(
                new()
                {
                    Row = run,
                    InitialJobs = jobs,
                    Uncommitted = [Transition.Between(null, run.Life, run.Id.Value, run.Id, "system")!, .. PendingJobs.History(run, jobs)],
                }
            );
            await storage.WriteStateAsync("benchmark", id, state);
            state.State!.InitialJobs = [];
            foreach (var to in (Status[])[Status.Running, Status.Success])
            {
                var next = run with { Life = run.Life.MoveTo(to, TimeProvider.System.GetUtcNow()) };
                state.State.Row = next;
                state.State.Uncommitted = [Transition.Between(run.Life, next.Life, run.Id.Value, run.Id, "system")!];
                await storage.WriteStateAsync("benchmark", id, state);
                run = next;
            }
        }

        private RunRecord NewRun()
        {
            var time = TimeProvider.System;
            var trigger = new TriggerFacts
            {
                Event = "push",
                Ref = "refs/heads/main",
                Commit = new string('a', 40),
                Branch = "main",
            };
            var step = new StepPlan
            {
                Name = "step",
                Order = 0,
                Image = "alpine",
                Run = "true",
                Timeout = TimeSpan.FromMinutes(1),
            };
            var job = new JobPlan
            {
                Name = "job",
                Type = JobType.Build,
                Timeout = TimeSpan.FromHours(1),
                Steps = [step],
            };
            return new()
            {
                Id = RunId.New(time),
                PipelineId = _pipeline.Id,
                RepositoryId = _repository.Id,
                ProjectId = _project.Id,
                ProjectName = _project.Name,
                RepositoryName = _repository.Name,
                RunNumber = Interlocked.Increment(ref _number),
                Source = new()
                {
                    CloneUrl = _repository.CloneUrl,
                    Ref = trigger.Ref,
                    Commit = trigger.Commit,
                },
                Executor = "process",
                Plan = new() { Trigger = trigger, Jobs = [job] },
                Jobs = [new() { Id = JobId.New(time), Steps = [StepId.New(time)] }],
                Actor = "system",
                Life = Lifecycle.Begin(Machine.Run, time.GetUtcNow()),
            };
        }
    }
}
