using Npgsql;
using Shipinator.Schema.Queries;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>The plan of each list on a large table: it walks an index and does not sort.</summary>
public sealed class ListPlanTests(PostgresFixture postgres)
{
    private const int Rows = 1_000_000;

    [Fact]
    public async Task EveryList_OfALargeTable_WalksAnIndex()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        await FillAsync(db);
        var middle = new Guid(await ScalarAsync(db, "SELECT id::text FROM pipeline_runs ORDER BY id OFFSET 150000 LIMIT 1"));
        RunFilter[] filters =
        [
            new(),
            new() { Project = db.Project.Id },
            new() { Repository = db.Repository.Id },
            new() { Pipeline = db.Pipeline.Id },
            new() { Status = Status.Success },
            new() { Status = Status.Running },
            new() { Branch = "branch7" },
            new() { Event = "push" },
            new() { Repository = db.Repository.Id, Status = Status.Failed },
            new() { Project = db.Project.Id, Branch = "branch7" },
            new() { Repository = db.Repository.Id, Branch = "branch7" },
            new() { Pipeline = db.Pipeline.Id, Status = Status.Failed },
            new() { IsTerminal = true },
        ];
        foreach (var filter in filters)
        {
            foreach (var cursor in (string?[])[null, Cursors.Encode("runs", middle.ToString("D"))])
            {
                var (sql, parameters) = RunQueries.ListStatement(filter, new(50, cursor));
                var plan = await ExplainAsync(db, sql, parameters, RunListStatement.PlannerSettings);
                Assert.DoesNotContain("Seq Scan on pipeline_runs", plan, StringComparison.Ordinal);
                Assert.Contains("using pipeline_runs_", plan, StringComparison.Ordinal);
                // The planner may sort a few rows found by an index, but not a part of the history.
                Assert.DoesNotContain("external merge", plan, StringComparison.Ordinal);
                Assert.True(LargestNode(plan) <= 5_000, plan);
            }
        }

        foreach (
            var sql in (string[])
                [
                    "SELECT id FROM pipeline_runs WHERE finished_at IS NULL AND id > '00000000-0000-0000-0000-000000000000' ORDER BY id "
                        + "LIMIT 1000",
                    $"SELECT * FROM pipeline_runs WHERE id = '{middle}'",
                    TrendQueries.ActiveCountStatement,
                ]
        )
        {
            Assert.DoesNotContain("Seq Scan", await ExplainAsync(db, sql, []), StringComparison.Ordinal);
        }

        var numbered = await ExplainAsync(
            db,
            RunQueries.NumberedStatement,
            [SqlReading.Long(777), SqlReading.Like(["sho"]), SqlReading.Number(12)]
        );
        Assert.DoesNotContain("Seq Scan on pipeline_runs", numbered, StringComparison.Ordinal);
        Assert.True(LargestNode(numbered) <= 5_000, numbered);
    }

    /// <summary>The largest actual number of rows of any node.</summary>
    private static double LargestNode(string plan) =>
        System
            .Text.RegularExpressions.Regex.Matches(plan, @"actual rows=([0-9.]+)")
            .Max(m => double.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));

    private static Task FillAsync(TestDatabase db) =>
        db.ExecuteAsync(
            $$"""
            INSERT INTO pipeline_runs (id, pipeline_id, git_ref, git_sha, status, created_at, repository_id, project_id, project_name,
              repository_name, run_number, clone_url, executor, event, branch, actor, plan, jobs, sequence, updated_at,
              version, finished_at)
            SELECT (lpad(to_hex(g), 8, '0') || '-0000-7000-8000-000000000000')::uuid, '{{db.Pipeline.Id}}', 'refs/heads/main', 'a',
              CASE WHEN g % 20 = 0 THEN 'failed' WHEN g > {{Rows}} - 40 THEN 'running' ELSE 'success' END, now(), '{{db.Repository.Id}}',
              '{{db.Project.Id}}', 'shop', 'web', g, 'u', 'process', CASE WHEN g % 3 = 0 THEN 'pr' ELSE 'push' END, 'branch' || g % 50,
              'system', '{}', '[]', 1, now(), 1, CASE WHEN g <= {{Rows}} - 40 THEN now() END
            FROM (SELECT g FROM generate_series(1, {{Rows}}) g) s;
            ANALYZE pipeline_runs
            """
        );

    private static async Task<string> ExplainAsync(
        TestDatabase db,
        string sql,
        NpgsqlParameter[] parameters,
        string settings = SqlReading.CustomPlan
    ) =>
        string.Join(
            '\n',
            await db.Source.ListAsync(
                settings,
                $"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) {sql}",
                r => r.GetString(0),
                TestContext.Current.CancellationToken,
                parameters
            )
        );

    private static async Task<string> ScalarAsync(TestDatabase db, string sql)
    {
        await using var command = db.Source.CreateCommand(sql);
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
