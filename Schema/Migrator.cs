using DbUp;
using DbUp.Engine;
using DbUp.Engine.Output;
using DbUp.Postgresql;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema;

/// <summary>
/// Migrates a database to this version: applies the <c>.sql</c> files of this assembly in the order of their names, each once. Any number
/// of silos may start concurrently; on an up-to-date database nothing is written. For each file the database also stores whether older
/// versions work with it: these then start on a database that a newer version has migrated.
/// </summary>
public static partial class Migrator
{
    private const string Prefix = "migrations/";

    /// <summary>An arbitrary key: "ship" in ASCII.</summary>
    private const long LockKey = 0x73686970;

    /// <summary>The first words of a file after which older versions no longer work.</summary>
    private const string Contract = "-- contract";

    /// <summary>The migrations of this version, oldest first.</summary>
    public static IReadOnlyList<string> Known { get; } =
    [
        .. typeof(Migrator)
            .Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(n => n[Prefix.Length..])
            .Order(StringComparer.Ordinal),
    ];

    public static async Task MigrateAsync(string connectionString, ILogger logger, CancellationToken cancellationToken = default)
    {
        await using var database = ShipinatorDatabase.Create(connectionString);
        await MigrateAsync(database.DataSource, logger, cancellationToken);
    }

    /// <summary>
    /// Errors: <see cref="StorageUnavailableException"/>; <see cref="InvalidInputException"/> <c>database_newer</c> when a
    /// newer version has migrated the database and this one does not work with it, <c>database_version</c> when the server is too old,
    /// <c>migration_failed</c> when a file could not be applied (it is rolled back).
    /// </summary>
    public static Task MigrateAsync(NpgsqlDataSource dataSource, ILogger logger, CancellationToken cancellationToken = default) =>
        MigrateAsync(dataSource, [.. Known.Select(name => new SqlScript(name, Read(name)))], logger, cancellationToken);

    /// <summary>Migrates with the given files; for tests of older and newer versions.</summary>
    internal static async Task MigrateAsync(
        NpgsqlDataSource dataSource,
        IReadOnlyList<SqlScript> scripts,
        ILogger logger,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        ArgumentNullException.ThrowIfNull(logger);
        try
        {
            await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
            if (connection.PostgreSqlVersion.Major < 15)
            {
                throw new InvalidInputException(
                    "database_version",
                    $"Shipinator requires PostgreSQL 15 or newer, but the database server is {connection.PostgreSqlVersion}."
                );
            }

            if (await IsUpToDateAsync(connection, scripts, logger, cancellationToken))
            {
                return;
            }

            // A session lock: when a silo dies, the next one continues.
            await using (var take = new NpgsqlCommand($"SELECT pg_advisory_lock({LockKey})", connection) { CommandTimeout = 0 })
            {
                await take.ExecuteNonQueryAsync(cancellationToken);
            }

            try
            {
                if (!await IsUpToDateAsync(connection, scripts, logger, cancellationToken))
                {
                    await MarkAsync(connection, scripts, cancellationToken);
                    await Task.Run(() => Upgrade(dataSource, scripts, logger), cancellationToken);
                }
            }
            finally
            {
                await using var give = new NpgsqlCommand($"SELECT pg_advisory_unlock({LockKey})", connection);
                await give.ExecuteNonQueryAsync(CancellationToken.None);
            }
        }
        catch (Exception e)
            when (e is NpgsqlException and not PostgresException || e is PostgresException && DatabaseErrors.IsUnavailable(e))
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    private static async Task<bool> IsUpToDateAsync(
        NpgsqlConnection connection,
        IReadOnlyList<SqlScript> scripts,
        ILogger logger,
        CancellationToken cancellationToken
    )
    {
        var applied = await NamesAsync(connection, "schemaversions", "SELECT scriptname FROM schemaversions", cancellationToken);
        var marked = await NamesAsync(connection, "schema_files", "SELECT name FROM schema_files", cancellationToken);
        var compatible = await NamesAsync(
            connection,
            "schema_files",
            "SELECT name FROM schema_files WHERE older_servers_work",
            cancellationToken
        );
        var known = scripts.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        var unknown = applied.Except(known, StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var breaking = unknown.Where(name => !compatible.Contains(name)).ToList();
        if (breaking.Count > 0)
        {
            throw new InvalidInputException(
                "database_newer",
                $"The database was migrated by a newer version of Shipinator ({string.Join(", ", breaking)}) that this one is not "
                    + "compatible with. Start that version, or restore a backup from before the migration."
            );
        }

        if (unknown.Count > 0 && logger.IsEnabled(LogLevel.Information))
        {
            Newer(logger, string.Join(", ", unknown));
        }

        return known.All(name => applied.Contains(name) && marked.Contains(name));
    }

    private static async Task<HashSet<string>> NamesAsync(
        NpgsqlConnection connection,
        string table,
        string query,
        CancellationToken cancellationToken
    )
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        await using (var exists = new NpgsqlCommand($"SELECT to_regclass('{table}') IS NOT NULL", connection))
        {
            if (await exists.ExecuteScalarAsync(cancellationToken) is not true)
            {
                return names;
            }
        }

        await using var command = new NpgsqlCommand(query, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            names.Add(reader.GetString(0));
        }

        return names;
    }

    /// <summary>
    /// Stores which files older versions work with, before the files are applied, so that an applied file always has its mark. The table is
    /// ours, as <c>schemaversions</c> is DbUp's.
    /// </summary>
    private static async Task MarkAsync(NpgsqlConnection connection, IReadOnlyList<SqlScript> scripts, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            CREATE TABLE IF NOT EXISTS schema_files (name text PRIMARY KEY, older_servers_work boolean NOT NULL);
            INSERT INTO schema_files (name, older_servers_work)
            SELECT * FROM unnest(@names, @work)
            ON CONFLICT (name) DO NOTHING
            """,
            connection
        );
        command.Parameters.AddWithValue("names", scripts.Select(s => s.Name).ToArray());
        command.Parameters.AddWithValue("work", scripts.Select(s => !s.Contents.StartsWith(Contract, StringComparison.Ordinal)).ToArray());
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void Upgrade(NpgsqlDataSource dataSource, IReadOnlyList<SqlScript> scripts, ILogger logger)
    {
        var result = DeployChanges
            .To.PostgresqlDatabase(new PostgresqlConnectionManager(dataSource))
            .WithScripts(scripts)
            .WithVariablesDisabled()
            .WithTransactionPerScript()
            .LogTo(new UpgradeLog(logger))
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
        {
            throw new InvalidInputException(
                "migration_failed",
                $"Migration {result.ErrorScript?.Name} failed and was rolled back: {result.Error.Message}"
            );
        }
    }

    [LoggerMessage(2001, LogLevel.Information, "The database was migrated by a newer, compatible version of Shipinator ({Migrations})")]
    private static partial void Newer(ILogger logger, string migrations);

    [LoggerMessage(EventId = 2005, Message = "{Message}")]
    private static partial void Upgrading(ILogger logger, LogLevel level, Exception? error, string message);

    private static string Read(string name)
    {
        using var stream = typeof(Migrator).Assembly.GetManifestResourceStream(Prefix + name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private sealed class UpgradeLog(ILogger logger) : IUpgradeLog
    {
        public void LogTrace(string format, params object[] args) => Write(LogLevel.Trace, null, format, args);

        public void LogDebug(string format, params object[] args) => Write(LogLevel.Debug, null, format, args);

        public void LogInformation(string format, params object[] args) => Write(LogLevel.Information, null, format, args);

        public void LogWarning(string format, params object[] args) => Write(LogLevel.Warning, null, format, args);

        public void LogError(string format, params object[] args) => Write(LogLevel.Error, null, format, args);

        public void LogError(Exception ex, string format, params object[] args) => Write(LogLevel.Error, ex, format, args);

        private void Write(LogLevel level, Exception? error, string format, object[] args) =>
            Upgrading(logger, level, error, string.Format(System.Globalization.CultureInfo.InvariantCulture, format, args));
    }
}
