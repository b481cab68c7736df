using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema;

/// <summary>
/// The database, for those who may not know Npgsql: made from a connection string, brought up to date, given to
/// <see cref="SchemaServices"/>. All parts of a process share its connections.
/// </summary>
public sealed class ShipinatorDatabase : IAsyncDisposable
{
    private ShipinatorDatabase(NpgsqlDataSource dataSource) => DataSource = dataSource;

    /// <summary>The pool.</summary>
    public NpgsqlDataSource DataSource { get; }

    /// <summary>
    /// Opens no connection yet. Errors: <see cref="InvalidInputException"/> <c>connection_string</c> when the text is none.
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
                $"The database's connection string can't be used: {e.Message} Expected: Host=…;Port=5432;Database=…;Username=…;Password=…"
            );
        }
    }

    /// <summary>Brings the schema up to date; see <see cref="Migrator"/>.</summary>
    public Task MigrateAsync(ILogger logger, CancellationToken cancellationToken = default) =>
        Migrator.MigrateAsync(DataSource, logger, cancellationToken);

    /// <summary>Whether the database answers now; for health checks. Errors: <see cref="StorageUnavailableException"/>.</summary>
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
