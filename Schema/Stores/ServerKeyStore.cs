using System.Security.Cryptography;
using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>Keys shared by all silos of an installation.</summary>
public sealed class ServerKeyStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>
    /// The key with this name, created at random when it does not exist: every silo gets the same one.
    /// Errors: <see cref="StorageUnavailableException"/>.
    /// </summary>
    public async Task<byte[]> GetOrCreateAsync(string name, int length = 32, CancellationToken cancellationToken = default)
    {
        await source.ExecuteAsync(
            "INSERT INTO server_keys (name, value, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
            cancellationToken,
            Text(name),
            Bytes(RandomNumberGenerator.GetBytes(length)),
            Time(time.GetUtcNow())
        );
        return (
            await source.QueryAsync(
                "SELECT value FROM server_keys WHERE name = $1",
                r => r.GetFieldValue<byte[]>(0),
                cancellationToken,
                Text(name)
            )
        ).Single();
    }
}
