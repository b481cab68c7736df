using DbUp;
using DbUp.Engine;
using DbUp.Engine.Output;
using DbUp.Postgresql;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema;

/// <summary>
/// Brings a database to this version: the plain <c>.sql</c> files of this assembly, in the order of their names, each once.
/// Any number of silos may start at once; on a database that is up to date nothing is written. Beside each file's name the
/// database keeps whether older binaries work with it, since they can't know: then they start on what a newer one migrated.
/// </summary>
public static class Migrator
{
    private const string Prefix = "migrations/";

    /// <summary>Any number that nobody else locks: "ship" in ASCII.</summary>
    private const long LockKey = 0x73686970;

    /// <summary>How a file begins after which older binaries don't work any more.</summary>
    private const string Contract = "-- contract";

    /// <summary>The migrations that this binary knows, oldest first.</summary>
    public static IReadOnlyList<string> Known { get; } =
    [
        .. typeof(Migrator)
            .Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(n => n[Prefix.Length..])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>As the other, for a connection string.</summary>
    public static async Task MigrateAsync(string connectionString, ILogger logger, CancellationToken cancellationToken = default)
    {
        await using var database = ShipinatorDatabase.Create(connectionString);
        await MigrateAsync(database.DataSource, logger, cancellationToken);
    }

    /// <summary>
    /// Errors: <see cref="StorageUnavailableException"/>; <see cref="InvalidInputException"/> <c>database_newer</c> when a
    /// newer binary has changed the database in a way that this one does not work with, <c>database_version</c> when the server is too old,
    /// <c>migration_failed</c> when a file could not be applied (it then left nothing behind).
    /// </summary>
    public static Task MigrateAsync(NpgsqlDataSource dataSource, ILogger logger, CancellationToken cancellationToken = default) =>
        MigrateAsync(dataSource, [.. Known.Select(name => new SqlScript(name, Read(name)))], logger, cancellationToken);

    /// <summary>As a binary with these files would, for tests of older and newer ones.</summary>
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
                    $"The database server is PostgreSQL {connection.PostgreSqlVersion}; Shipinator needs 15 or newer."
                );
            }

            if (await IsUpToDateAsync(connection, scripts, logger, cancellationToken))
            {
                return;
            }

            // Held by the session: a silo that dies lets the next one go on.
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
                $"The database was changed by a newer Shipinator: it holds {string.Join(", ", breaking)}, which this one does not work with. Start that version, or restore a backup from before it."
            );
        }

        if (unknown.Count > 0 && logger.IsEnabled(LogLevel.Information))
        {
            logger.LogInformation(
                "The database was changed by a newer Shipinator ({Migrations}), which this one works with.",
                string.Join(", ", unknown)
            );
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

    /// <summary>Before the files are applied, so that no moment leaves an applied one without its mark. The table is ours as <c>schemaversions</c> is DbUp's.</summary>
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
                $"Migration {result.ErrorScript?.Name} can't be applied: {result.Error.Message}"
            );
        }
    }

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
            logger.Log(level, error, "{Message}", string.Format(System.Globalization.CultureInfo.InvariantCulture, format, args));
    }
}
