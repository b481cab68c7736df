using Microsoft.Extensions.Logging.Abstractions;
using Shipinator.Schema.Server;
using Shipinator.Silo.Configuration;

namespace Shipinator.Silo.Standalone;

/// <summary>The standalone server's own PostgreSQL.</summary>
public static class StandaloneDatabase
{
    /// <summary>
    /// Starts PostgreSQL in the data folder, or uses the instance that a killed server left running. Errors: <see
    /// cref="StartupException"/>.
    /// </summary>
    public static async Task<LocalPostgres> StartAsync(DataFolder folder, PostgresSettings settings)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(settings);
        try
        {
            return await LocalPostgres.StartAsync(
                new() { Folder = Path.Combine(folder.Path, "postgres"), BinFolder = settings.BinFolder },
                NullLogger.Instance
            );
        }
        catch (InvalidInputException e)
        {
            throw new StartupException(e.Message, e);
        }
    }
}
