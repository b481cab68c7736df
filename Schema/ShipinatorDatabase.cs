using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema;

/// <summary>
/// The database, for projects that may not use Npgsql: created from a connection string, migrated, and passed to
/// <see cref="SchemaServices"/>. A process shares its connections.
/// </summary>
public sealed class ShipinatorDatabase : IAsyncDisposable
{
    private ShipinatorDatabase(NpgsqlDataSource dataSource) => DataSource = dataSource;

    /// <summary>The connection pool.</summary>
    public NpgsqlDataSource DataSource { get; }

    /// <summary>
    /// Opens no connection yet. Errors: <see cref="InvalidInputException"/> <c>connection_string</c> when the text is not valid.
    /// </summary>
    public static ShipinatorDatabase Create(string connectionString, ILoggerFactory? loggers = null)
    {
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString);
            settings.ApplicationName ??= "shipinator";
            if (settings.MaxAutoPrepare == 0)
            {
                settings.MaxAutoPrepare = 100;
            }

            var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
            builder.UseLoggerFactory(loggers);
            return new(builder.Build());
        }
        catch (ArgumentException e)
        {
            throw new InvalidInputException(
                "connection_string",
                $"The connection string of the database is not valid: {e.Message} Expected for example "
                    + $"Host=…;Port=5432;Database=…;Username=…;Password=…"
            );
        }
    }

    /// <summary>Applies missing migrations; see <see cref="Migrator"/>.</summary>
    public Task MigrateAsync(ILogger logger, CancellationToken cancellationToken = default) =>
        Migrator.MigrateAsync(DataSource, logger, cancellationToken);

    /// <summary>Checks that the database responds; for health checks. Errors: <see cref="StorageUnavailableException"/>.</summary>
    public async Task PingAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await using var command = DataSource.CreateCommand("SELECT 1");
            await command.ExecuteScalarAsync(cancellationToken);
        }
        catch (NpgsqlException e)
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => DataSource.DisposeAsync();
}
