using DbUp.Engine;
using Microsoft.Extensions.Logging.Abstractions;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>
/// Lists of runs with several filters that each match many runs, but rarely the same ones, such as the failed runs of an old branch: they
/// read a bounded number of blocks whatever the database knows of the table, and return exactly these runs.
/// </summary>
public sealed class ListCombinationTests(PostgresFixture postgres)
{
    private const int Rows = 120_000;

    /// <summary>
    /// 20 ranges with three levels of an index and a row each, and 51 rows, mostly in the same blocks of the index; the whole history is
    /// about 3,600 blocks.
    /// </summary>
    private const int MostBlocks = 150;

    private static readonly Status?[] Statuses = [null, Status.Success, Status.Failed, Status.Canceled, Status.Running];
    private static readonly string?[] Branches = [null, "main", "old", "rare", "absent"];
    private static readonly string?[] Events = [null, "push", "schedule", "manual", "absent"];

    public enum Statistics
    {
        /// <summary>Of the whole table, which was vacuumed.</summary>
        Fresh,

        /// <summary>Of the whole table, which was never vacuumed.</summary>
        Unvacuumed,

        /// <summary>Of the first twentieth of the table.</summary>
        Stale,

        None,

        /// <summary>What an upgrade of a database without the newest migration leaves.</summary>
        Upgraded,
    }

    [Theory]
    [InlineData(Statistics.Fresh)]
    [InlineData(Statistics.Unvacuumed)]
    [InlineData(Statistics.Stale)]
    [InlineData(Statistics.None)]
    [InlineData(Statistics.Upgraded)]
    public async Task FiltersThatRarelyMatchTogether_ReadAFewBlocks(Statistics statistics)
    {
        await using var db = await StartAsync(statistics);
        await using var database = ShipinatorDatabase.Create(db.ConnectionString + ";Maximum Pool Size=1");
        var runs = new RunQueries(database.DataSource, TimeProvider.System);
        var places = new[] { Place.Of(db), await PlaceAsync(db) };
        var middle = Cursors.Encode("runs", Id(Rows / 2).ToString("D"));
        var filters = Filters(places).ToList();
        foreach (var shape in filters.DistinctBy(f => RunQueries.ListStatement(f, new(50)).Sql))
        {
            // Prepared after five executions, a generic plan after five more: the database must have had the chance.
            for (var i = 0; i < 12; i++)
            {
                await runs.ListAsync(shape, new(50), TestContext.Current.CancellationToken);
                await runs.ListAsync(shape, new(50, middle), TestContext.Current.CancellationToken);
            }
        }

        var worst = (Blocks: 0L, Of: "");
        var rare = 0;
        foreach (var (filter, cursor) in filters.SelectMany(f => new[] { (f, (string?)null), (f, middle) }))
        {
            var before = await BlocksAsync(database);
            var page = await runs.ListAsync(filter, new(50, cursor), TestContext.Current.CancellationToken);
            var blocks = await BlocksAsync(database) - before;
            rare += page.Items.Count is > 0 and < 10 ? 1 : 0;
            worst = blocks > worst.Blocks ? (blocks, $"{filter}, cursor {cursor}: {page.Items.Count} rows, {blocks} blocks") : worst;
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{filters.Count} filters, {rare} rare pages, worst {worst.Of}");
        Assert.True(rare >= 20, $"Only {rare} of {filters.Count} filters match a few runs.");
        Assert.True(worst.Blocks <= MostBlocks, worst.Of);
        Assert.True(worst.Blocks >= 50, "Nothing was measured.");
    }

    [Fact]
    public async Task Pages_OfEveryCombination_ContainExactlyTheMatchingRuns()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var places = new[] { Place.Of(db), await PlaceAsync(db) };
        await FillAsync(db, places, 1, Rows, every: 401);
        var all = await PagesAsync(db, new(), 200);
        Assert.Equal(Rows / 401, all.Count);
        var found = 0;
        foreach (var filter in Filters(places).Concat(Nested(places)).Concat([new() { IsTerminal = true }]))
        {
            foreach (var asked in new[] { filter, filter with { IsTerminal = filter.Project is null } })
            {
                var expected = all.Where(r => Matches(asked, r)).Select(r => r.Id).ToList();
                Assert.Equal(expected, (await PagesAsync(db, asked, 40)).ConvertAll(r => r.Id));
                found += expected.Count > 0 ? 1 : 0;
            }
        }

        Assert.True(found > 100, $"Only {found} filters match anything.");
    }

    [Fact]
    public async Task TriggerTypes_AreThoseOfTheDatabase()
    {
        // The ranges of a list without an event are those of the known trigger types: the database has no others.
        await using var db = await TestDatabase.StartAsync(postgres);
        await using var command = db.Source.CreateCommand(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'pipelines_trigger_type_check'"
        );
        var check = (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal(
            PipelineStore.TriggerTypes.Order(StringComparer.Ordinal),
            System.Text.RegularExpressions.Regex.Matches(check, "'([a-z]+)'").Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal)
        );
    }

    private static bool Matches(RunFilter filter, RunView run) =>
        (filter.Project ?? run.ProjectId) == run.ProjectId
        && (filter.Repository ?? run.RepositoryId) == run.RepositoryId
        && (filter.Pipeline ?? run.PipelineId) == run.PipelineId
        && (filter.Status ?? run.Status) == run.Status
        && (filter.Branch is null || filter.Branch == run.Branch)
        && (filter.Event ?? run.Event) == run.Event
        && (!filter.IsTerminal || run.FinishedAt is not null);

    private static async Task<List<RunView>> PagesAsync(TestDatabase db, RunFilter filter, int limit)
    {
        var found = new List<RunView>();
        string? cursor = null;
        do
        {
            var page = await db.Queries.ListAsync(filter, new(limit, cursor), TestContext.Current.CancellationToken);
            found.AddRange(page.Items);
            cursor = page.NextCursor;
        } while (cursor is not null);
        return found;
    }

    private static IEnumerable<RunFilter> Filters(Place[] places) =>
        from scope in new RunFilter[] { new() }.Concat(
            places.SelectMany(p =>
                new RunFilter[]
                {
                    new() { Project = p.Project },
                    new() { Repository = p.Repository },
                    new() { Pipeline = p.Pipeline },
                }
            )
        )
        from status in Statuses
        from branch in Branches
        from of in Events
        select scope with
        {
            Status = status,
            Branch = branch,
            Event = of,
        };

    /// <summary>Pipelines in their repositories and projects, and in others.</summary>
    private static IEnumerable<RunFilter> Nested(Place[] places) =>
        from narrow in places
        from wide in places
        from scope in new RunFilter[]
        {
            new() { Pipeline = narrow.Pipeline, Repository = wide.Repository },
            new() { Pipeline = narrow.Pipeline, Project = wide.Project },
            new() { Repository = narrow.Repository, Project = wide.Project },
            new()
            {
                Pipeline = narrow.Pipeline,
                Repository = narrow.Repository,
                Project = wide.Project,
            },
        }
        from status in new Status?[] { null, Status.Failed }
        select scope with
        {
            Status = status,
        };

    private async Task<TestDatabase> StartAsync(Statistics statistics)
    {
        var upgrade = statistics == Statistics.Upgraded;
        var connectionString = await postgres.CreateDatabaseAsync(migrated: !upgrade);
        if (upgrade)
        {
            await using var older = ShipinatorDatabase.Create(connectionString);
            await Migrator.MigrateAsync(
                older.DataSource,
                [.. Migrator.Known.TakeWhile(n => !n.StartsWith("0019", StringComparison.Ordinal)).Select(n => new SqlScript(n, Text(n)))],
                NullLogger.Instance
            );
        }

        var db = await TestDatabase.StartAsync(connectionString);
        await db.ExecuteAsync("ALTER TABLE pipeline_runs SET (autovacuum_enabled = false)");
        var places = new[] { Place.Of(db), await PlaceAsync(db) };
        await FillAsync(db, places, 1, Rows / 20);
        await db.ExecuteAsync(statistics == Statistics.Stale ? "ANALYZE" : "SELECT 1");
        await FillAsync(db, places, (Rows / 20) + 1, Rows);
        if (upgrade)
        {
            await Migrator.MigrateAsync(connectionString, NullLogger.Instance);
            Assert.True(await db.CountAsync("SELECT count(*) FROM pg_stats WHERE tablename = 'pipeline_runs'") > 20);
        }

        await db.ExecuteAsync(
            statistics switch
            {
                Statistics.Fresh => "VACUUM ANALYZE pipeline_runs",
                Statistics.Unvacuumed => "ANALYZE pipeline_runs",
                _ => "SELECT 1",
            }
        );
        return db;
    }

    private static string Text(string migration)
    {
        using var stream = typeof(Migrator).Assembly.GetManifestResourceStream("migrations/" + migration)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>
    /// The other repository, once; its runs are all of the first half. Scheduled runs and those of the branch <c>old</c> are of the first
    /// half, failed ones of the second, so that each of them matches many runs, but only one run matches two of them.
    /// </summary>
    private static Task FillAsync(TestDatabase db, Place[] places, int first, int last, int every = 1) =>
        db.ExecuteAsync(
            $$"""
            INSERT INTO pipeline_runs (id, pipeline_id, git_ref, git_sha, status, created_at, repository_id, project_id, project_name,
              repository_name, run_number, clone_url, executor, event, branch, actor, plan, jobs, sequence, updated_at,
              version, started_at, finished_at)
            SELECT (lpad(to_hex(g), 12, '0') || '70008000000000000000')::uuid,
              CASE WHEN other THEN '{{places[1].Pipeline}}' ELSE '{{places[0].Pipeline}}' END::uuid, 'refs/heads/main', 'a',
              CASE WHEN g > {{Rows}} - 20 THEN 'running' WHEN g > {{Rows}} / 2 AND g % 3 = 0 OR n IN (2, 3, 5) THEN 'failed'
                WHEN g % 9000 = 1 THEN 'canceled' ELSE 'success' END, now(),
              CASE WHEN other THEN '{{places[1].Repository}}' ELSE '{{places[0].Repository}}' END::uuid,
              CASE WHEN other THEN '{{places[1].Project}}' ELSE '{{places[0].Project}}' END::uuid,
              'shop', 'web', g, 'u', 'process',
              CASE WHEN g < {{Rows}} * 2 / 5 AND g % 2 = 0 OR n IN (2, 7) THEN 'schedule' WHEN g % 30000 = 9 THEN 'manual' ELSE 'push' END,
              CASE WHEN g < {{Rows}} * 2 / 5 AND g % 2 = 1 OR n IN (3, 7) THEN 'old' WHEN g % 20000 = 7 THEN 'rare'
                WHEN g % 20000 = 8 THEN NULL ELSE 'main' END,
              'system', '{}', '[]', 1, now(), 1, now(), CASE WHEN g <= {{Rows}} - 20 THEN now() END
            FROM (SELECT g, g / {{every}} AS n, g < {{Rows}} / 2 AND g % 7 < 3 AS other
                  FROM generate_series({{(first + every - 1) / every * every}}, {{last}}, {{every}}) g) s
            """
        );

    private static Guid Id(int g) => Guid.ParseExact($"{g:x12}70008000000000000000", "N");

    private static async Task<Place> PlaceAsync(TestDatabase db)
    {
        var projects = new ProjectStore(db.Source, TimeProvider.System);
        var project =
            (await projects.ListAsync(new(200))).Items.SingleOrDefault(p => p.Name == "other") ?? await projects.CreateAsync("other", null);
        var repositories = new RepositoryStore(db.Source, TimeProvider.System);
        var repository =
            (await repositories.ListAsync(project.Id, new(200))).Items.SingleOrDefault()
            ?? await repositories.CreateAsync(new(project.Id, "other", "git", "https://example.org/other.git", "main"));
        var pipeline = await new PipelineStore(db.Source, TimeProvider.System).EnsureAsync(repository.Id, "other", "push");
        return new(project.Id, repository.Id, pipeline.Id);
    }

    /// <summary>The number of blocks of the table of runs and its indexes that were read so far, from memory or disk.</summary>
    private static async Task<long> BlocksAsync(ShipinatorDatabase database)
    {
        await using (var flush = database.DataSource.CreateCommand("SELECT pg_stat_force_next_flush()"))
        {
            await flush.ExecuteNonQueryAsync();
        }

        await using var command = database.DataSource.CreateCommand(
            """
            SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit FROM pg_statio_user_tables
            WHERE relname = 'pipeline_runs'
            """
        );
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private sealed record Place(ProjectId Project, RepositoryId Repository, PipelineId Pipeline)
    {
        public static Place Of(TestDatabase db) => new(db.Project.Id, db.Repository.Id, db.Pipeline.Id);
    }
}
