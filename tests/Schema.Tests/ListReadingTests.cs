using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>
/// Lists of a long, skewed history, through the connections of a server and often enough that their statements are prepared and the
/// database could choose one plan for all values: what they read depends on what they find, not on how much there is.
/// </summary>
public sealed class ListReadingTests(PostgresFixture postgres)
{
    private const int Rows = 120_000;

    /// <summary>
    /// A page of 50 is 51 rows by an index of three levels, or the first ones of at most 20 ranges; a tenth of the history would be 2,000
    /// blocks and more.
    /// </summary>
    private const int MostBlocks = 250;

    /// <summary>
    /// Of a list of runs: 20 ranges with three levels of an index and a row each, and 51 rows, mostly in the same blocks of the index.
    /// </summary>
    private const int MostBlocksOfRuns = 150;

    private static readonly string[] Tables = ["pipeline_runs", "jobs", "job_steps", "executions", "artifacts", "state_transitions"];

    [Fact]
    public async Task Runs_ByEveryCombinationOfFilters_ReadAFewBlocks()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var places = await FillAsync(db);
        await using var database = OneConnection(db);
        var runs = new RunQueries(database.DataSource, TimeProvider.System);
        var shapes = new HashSet<string>();
        var worst = (Blocks: 0L, Of: "");
        var all = 0;
        foreach (var filter in Filters(places))
        {
            // Prepared after five executions, a generic plan after five more: the database must have had the chance.
            if (shapes.Add(RunQueries.ListStatement(filter, new(50)).Sql))
            {
                for (var i = 0; i < 12; i++)
                {
                    await runs.ListAsync(filter, new(50), TestContext.Current.CancellationToken);
                }
            }

            var before = await BlocksAsync(database);
            var page = await runs.ListAsync(filter, new(50), TestContext.Current.CancellationToken);
            var blocks = await BlocksAsync(database) - before;
            worst = blocks > worst.Blocks ? (blocks, $"{filter}: {page.Items.Count} rows, {blocks} blocks") : worst;
            all++;
        }

        Assert.True(shapes.Count == 33 && all > 300, $"{all} filters of {shapes.Count} shapes");
        Assert.True(worst.Blocks <= MostBlocksOfRuns, worst.Of);
        Assert.True(worst.Blocks >= 50, "Nothing was measured.");
    }

    [Fact]
    public async Task OtherLists_ReadAFewBlocks()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (big, calm, quiet) = await FillAsync(db);
        await using var database = OneConnection(db);
        var runs = new RunQueries(database.DataSource, TimeProvider.System);
        var trends = new TrendQueries(database.DataSource, TimeProvider.System);
        var queue = new QueueQueries(database.DataSource);
        var artifacts = new ArtifactIndex(database.DataSource);
        var metadata = new ArtifactMetadataStore(database.DataSource);
        var run = (await runs.ListAsync(new() { Repository = big.Repository }, new(1), TestContext.Current.CancellationToken)).Items[0];
        (string Name, int Most, Func<Task> Read)[] lists =
        [
            ("queue", 600, () => queue.WaitingAsync(50)),
            ("live", 600, () => trends.ActiveAsync(50)),
            ("live count", MostBlocks, () => trends.ActiveCountAsync()),
            ("days of the quiet repository", MostBlocks, () => trends.DaysAsync(new() { Repository = quiet.Repository }, 14)),
            ("days of the calm project", MostBlocks, () => trends.DaysAsync(new() { Project = quiet.Project }, 14)),
            ("typical", MostBlocks, () => trends.MedianDurationAsync(quiet.Pipeline)),
            ("typical of the big", MostBlocks, () => trends.MedianDurationAsync(big.Pipeline)),
            ("branches of the quiet", MostBlocks, () => trends.BranchesAsync(quiet.Repository, 20)),
            (
                "newest",
                MostBlocks,
                () => trends.NewestAsync([big.Repository, calm.Repository, quiet.Repository, RepositoryId.New(TimeProvider.System)])
            ),
            ("numbered", MostBlocks, () => runs.NumberedAsync(77, ["web"], 12)),
            ("jobs", MostBlocks, () => runs.JobsAsync(run.Id)),
            ("history", MostBlocks, () => runs.HistoryAsync(run.Id)),
            ("transitions", MostBlocks, () => runs.TransitionsAfterAsync(run.Id, null)),
            ("inputs", MostBlocks, () => artifacts.Find(run.Id, run.ProjectId, new() { Type = "binary", Path = "in" }, default)),
            ("artifacts", MostBlocks, () => metadata.ListByRunAsync(run.Id)),
        ];
        var found = new List<string>();
        foreach (var (name, most, read) in lists)
        {
            for (var i = 0; i < 12; i++)
            {
                await read();
            }

            var before = await BlocksAsync(database);
            await read();
            var blocks = await BlocksAsync(database) - before;
            if (blocks > most)
            {
                found.Add($"{name}: {blocks} blocks, at most {most}");
            }
        }

        Assert.Empty(found);
        var newest = await trends.NewestAsync([big.Repository, calm.Repository, quiet.Repository, RepositoryId.New(TimeProvider.System)]);
        Assert.Equal(
            new[] { big.Repository, calm.Repository, quiet.Repository }.OrderBy(r => r.Value),
            newest.Select(r => r.RepositoryId).OrderBy(r => r.Value)
        );
        Assert.Equal(run.Id, newest.Single(r => r.RepositoryId == big.Repository).Id);
    }

    private static ShipinatorDatabase OneConnection(TestDatabase db) =>
        ShipinatorDatabase.Create(db.ConnectionString + ";Maximum Pool Size=1");

    /// <summary>Every subset of the filters, with common, rare and absent values; more common ones first, as on a server.</summary>
    private static IEnumerable<RunFilter> Filters((Place Big, Place Calm, Place Quiet) places)
    {
        foreach (var place in (Place?[])[null, places.Big, places.Calm, places.Quiet])
        {
            foreach (var scope in place is null ? [0] : new[] { 1, 2, 3 })
            {
                foreach (var status in (Status?[])[null, Status.Success, Status.Failed, Status.Canceled, Status.Running])
                {
                    foreach (var branch in (string?[])[null, "main", "rare", "absent"])
                    {
                        foreach (var of in (string?[])[null, "push", "schedule"])
                        {
                            yield return new()
                            {
                                Project = scope == 1 ? place!.Project : null,
                                Repository = scope == 2 ? place!.Repository : null,
                                Pipeline = scope == 3 ? place!.Pipeline : null,
                                Status = status,
                                Branch = branch,
                                Event = of,
                            };
                        }
                    }
                }
            }
        }

        yield return new() { IsTerminal = true };
    }

    /// <summary>
    /// Three projects with a repository each, and a run every 90 seconds: one with two thirds of all runs, of which some fail and some are
    /// scheduled, on <c>main</c>; one with nearly a third, which never fail, are never scheduled and are on <c>trunk</c>; one with five,
    /// four months ago.
    /// </summary>
    private static async Task<(Place Big, Place Calm, Place Quiet)> FillAsync(TestDatabase db)
    {
        var big = new Place(db.Project.Id, db.Repository.Id, db.Pipeline.Id);
        var calm = await PlaceAsync(db, "calm");
        var quiet = await PlaceAsync(db, "quiet");
        await db.ExecuteAsync(
            $$"""
            SET session_replication_role = replica;
            INSERT INTO pipeline_runs (id, pipeline_id, git_ref, git_sha, status, created_at, repository_id, project_id, project_name,
              repository_name, run_number, clone_url, executor, event, branch, actor, plan, jobs, sequence, updated_at,
              version, started_at, finished_at)
            SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - ({{Rows}} - g) * 90000::bigint), 12, '0')
                || '70008000000000000000')::uuid,
              CASE kind WHEN 0 THEN '{{big.Pipeline}}' WHEN 1 THEN '{{calm.Pipeline}}' ELSE '{{quiet.Pipeline}}' END::uuid,
              'refs/heads/main', 'a',
              CASE WHEN g > {{Rows}} - 20 THEN 'running' WHEN kind = 0 AND g % 10 = 0 THEN 'failed'
                WHEN kind = 0 AND g % 9000 = 1 THEN 'canceled'
                ELSE 'success' END,
              now(),
              CASE kind WHEN 0 THEN '{{big.Repository}}' WHEN 1 THEN '{{calm.Repository}}' ELSE '{{quiet.Repository}}' END::uuid,
              CASE kind WHEN 0 THEN '{{big.Project}}' WHEN 1 THEN '{{calm.Project}}' ELSE '{{quiet.Project}}' END::uuid,
              'shop', 'web', g, 'u', 'process', CASE WHEN kind = 0 AND g % 10 = 3 THEN 'schedule' ELSE 'push' END,
              CASE WHEN g % 20000 = 7 THEN 'rare' WHEN kind = 1 THEN 'trunk' ELSE 'main' END, 'system', '{}', '[]', 1, now(), 1, now(),
              CASE WHEN g <= {{Rows}} - 20 THEN now() END
            FROM (SELECT g, CASE WHEN g <= 5 THEN 2 WHEN g % 3 = 0 THEN 1 ELSE 0 END AS kind FROM generate_series(1, {{Rows}}) g) s;

            INSERT INTO jobs (id, pipeline_run_id, job_type, name, status, created_at, finished_at, position, attempt, spec, sequence,
              updated_at, version)
            SELECT id, id, 'build', 'j', status, now(), finished_at, 0, 1, '{}', 1, now(), 1 FROM pipeline_runs;
            INSERT INTO job_steps (id, job_id, name, status, created_at, finished_at, position, job_attempt, executions, started,
              sequence, updated_at)
            SELECT id, id, 's', status, now(), finished_at, 0, 1, ARRAY[id], 1, 1, now() FROM pipeline_runs;
            INSERT INTO executions (id, job_step_id, executor_type, external_id, status, submitted_at, completed_at,
              job_id, pipeline_run_id,
              project_id,
              attempt, spec, created_at, sequence, updated_at, version)
            SELECT id, id, 'process', 'x', CASE status WHEN 'running' THEN 'submitted' ELSE status END, now(), finished_at, id, id,
              project_id, 1, '{}', now(), 1, now(), 1
            FROM pipeline_runs;
            INSERT INTO artifacts (id, job_id, artifact_type, storage_backend, storage_path, created_at, execution_id, file_name, size)
            SELECT id, id, 'binary', 'nfs', 'p', now(), id, 'app', 1 FROM pipeline_runs;
            INSERT INTO state_transitions (machine, entity_id, run_id, sequence, at, to_status, actor)
            SELECT 'run', id, id, 1, now(), 'pending', 'system' FROM pipeline_runs;
            RESET session_replication_role;
            """
        );
        await db.ExecuteAsync($"ANALYZE {string.Join(", ", Tables)}");
        return (big, calm, quiet);
    }

    private static async Task<Place> PlaceAsync(TestDatabase db, string name)
    {
        var project = await new ProjectStore(db.Source, TimeProvider.System).CreateAsync(name, null);
        var repository = await new RepositoryStore(db.Source, TimeProvider.System).CreateAsync(
            new(project.Id, name, "git", "https://example.org/web.git", "main")
        );
        return new(
            project.Id,
            repository.Id,
            (await new PipelineStore(db.Source, TimeProvider.System).EnsureAsync(repository.Id, name, "push")).Id
        );
    }

    /// <summary>The number of blocks of the tables and their indexes that were read so far, from memory or disk.</summary>
    private static async Task<long> BlocksAsync(ShipinatorDatabase database)
    {
        await using (var flush = database.DataSource.CreateCommand("SELECT pg_stat_force_next_flush()"))
        {
            await flush.ExecuteNonQueryAsync();
        }

        await using var command = database.DataSource.CreateCommand(
            $"""
            SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0))::bigint
            FROM pg_statio_user_tables WHERE relname = ANY (ARRAY['{string.Join("','", Tables)}'])
            """
        );
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private sealed record Place(ProjectId Project, RepositoryId Repository, PipelineId Pipeline);
}
