using DbUp.Engine;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

public sealed class MigratorTests(PostgresFixture postgres)
{
    [Fact]
    public async Task FiveAtOnce_OnAnEmptyDatabase_AllSucceedAndEachFileIsAppliedOnce()
    {
        var connectionString = await postgres.CreateDatabaseAsync(migrated: false);
        await Task.WhenAll(
            Enumerable.Range(0, 5).Select(_ => Task.Run(() => Migrator.MigrateAsync(connectionString, NullLogger.Instance)))
        );
        Assert.Equal(Migrator.Known, await ListAsync(connectionString, "SELECT scriptname FROM schemaversions ORDER BY schemaversionsid"));
    }

    [Fact]
    public async Task UpToDate_Start_WritesNothing()
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        await using var database = ShipinatorDatabase.Create(connectionString + ";Options=-c default_transaction_read_only=on");
        await database.MigrateAsync(NullLogger.Instance);
        var before = await ListAsync(connectionString, "SELECT count(*)::text FROM schemaversions");
        await Migrator.MigrateAsync(connectionString, NullLogger.Instance);
        Assert.Equal(before, await ListAsync(connectionString, "SELECT count(*)::text FROM schemaversions"));
    }

    [Fact]
    public async Task DatabaseOfANewerVersion_IsRefusedWithItsName()
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        await ListAsync(
            connectionString,
            "INSERT INTO schemaversions (scriptname, applied) VALUES ('9999_future', now()) RETURNING scriptname"
        );
        var error = await Assert.ThrowsAsync<InvalidInputException>(() => Migrator.MigrateAsync(connectionString, NullLogger.Instance));
        Assert.Equal("database_newer", error.Code);
        Assert.Contains("9999_future", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DatabaseOfANewerVersion_ThatOnlyExpandedIt_WorksWithTheOlderOne()
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        await using var database = ShipinatorDatabase.Create(connectionString);
        var newer = new SqlScript("9001_more", "ALTER TABLE projects ADD COLUMN color text");
        await Migrator.MigrateAsync(database.DataSource, [.. Ours(), newer], NullLogger.Instance, TestContext.Current.CancellationToken);

        // The older version, which does not know that file, starts again, several concurrently.
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Migrator.MigrateAsync(connectionString, NullLogger.Instance)));
        Assert.Equal(["9001_more"], (await ListAsync(connectionString, "SELECT scriptname FROM schemaversions")).Except(Migrator.Known));
    }

    [Fact]
    public async Task DatabaseOfANewerVersion_ThatContractedIt_IsRefusedWithTheNameOfThatFileAlone()
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        await using var database = ShipinatorDatabase.Create(connectionString);
        await Migrator.MigrateAsync(
            database.DataSource,
            [
                .. Ours(),
                new("9001_more", "ALTER TABLE projects ADD COLUMN color text"),
                new("9002_less", "-- contract: nobody reads it since 9.1\nALTER TABLE projects DROP COLUMN description"),
            ],
            NullLogger.Instance,
            TestContext.Current.CancellationToken
        );
        var error = await Assert.ThrowsAsync<InvalidInputException>(() => Migrator.MigrateAsync(connectionString, NullLogger.Instance));
        Assert.Equal("database_newer", error.Code);
        Assert.Contains("9002_less", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("9001_more", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DatabaseWithoutCompatibilityMarks_GetsThemAtTheNextStart()
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        await ListAsync(connectionString, "DROP TABLE schema_files; SELECT ''");
        await Migrator.MigrateAsync(connectionString, NullLogger.Instance);
        Assert.Equal(
            Migrator.Known,
            await ListAsync(connectionString, "SELECT name FROM schema_files WHERE older_servers_work ORDER BY name")
        );
    }

    private static IEnumerable<SqlScript> Ours() => Migrator.Known.Select(name => new SqlScript(name, ""));

    [Fact]
    public async Task NoServer_ThrowsStorageUnavailable()
    {
        var error = await Assert.ThrowsAsync<StorageUnavailableException>(() =>
            Migrator.MigrateAsync("Host=127.0.0.1;Port=1;Username=a;Password=b;Database=c", NullLogger.Instance)
        );
        Assert.Contains("can't be reached", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => ShipinatorDatabase.Create("Hst=x"));
    }

    [Theory]
    [InlineData("projects", "id:uuid name:text description:text created_at updated_at")]
    [InlineData("repositories", "id:uuid project_id:uuid vcs_provider:text clone_url:text default_branch:text created_at updated_at")]
    [InlineData("pipelines", "id:uuid repository_id:uuid name:text trigger_type:text created_at updated_at")]
    [InlineData("pipeline_runs", "id:uuid pipeline_id:uuid git_ref:text git_sha:text status:text created_at started_at finished_at")]
    [InlineData("jobs", "id:uuid pipeline_run_id:uuid job_type:text name:text status:text created_at started_at finished_at")]
    [InlineData(
        "job_steps",
        "id:uuid job_id:uuid name:text execution_order:integer parallel_group:text status:text created_at started_at finished_at"
    )]
    [InlineData("artifacts", "id:uuid job_id:uuid artifact_type:text storage_backend:text storage_path:text checksum:text created_at")]
    [InlineData("executions", "id:uuid job_step_id:uuid executor_type:text external_id:text status:text submitted_at completed_at")]
    public async Task Table_OfTheSpecification_HasItsColumns(string table, string columns)
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        var found = await ListAsync(
            connectionString,
            $"SELECT column_name || ':' || data_type FROM information_schema.columns WHERE table_name = '{table}'"
        );
        foreach (var column in columns.Split(' '))
        {
            Assert.Contains(column.Contains(':', StringComparison.Ordinal) ? column : $"{column}:timestamp with time zone", found);
        }
    }

    [Fact]
    public async Task EveryForeignKey_IsIndexed()
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        var missing = await ListAsync(
            connectionString,
            """
            SELECT c.conrelid::regclass || '.' || a.attname
            FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
            WHERE c.contype = 'f' AND NOT EXISTS (
              SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])
            """
        );
        Assert.Empty(missing);
    }

    private static async Task<List<string>> ListAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }
}
