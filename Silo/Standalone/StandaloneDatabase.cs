using Microsoft.Extensions.Logging.Abstractions;
using Shipinator.Schema.Server;
using Shipinator.Silo.Configuration;

namespace Shipinator.Silo.Standalone;

/// <summary>The standalone server's own PostgreSQL: real, only embedded.</summary>
public static class StandaloneDatabase
{
    /// <summary>Starts it in the data folder, or takes over the one that a killed server left there. Errors: <see cref="StartupException"/>.</summary>
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
