using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>
/// Sessions of the dashboard: rows of <c>browser_sessions</c>, found by the SHA-256 of the session id. A session is valid while its row
/// exists, it has not expired, and its API token is not revoked. Errors of every method: <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed class BrowserSessionStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Creates a session; expired ones are deleted.</summary>
    public async Task CreateAsync(string session, Guid token, TimeSpan lifetime, CancellationToken cancellationToken = default)
    {
        var now = time.GetUtcNow();
        await source.ExecuteAsync("DELETE FROM browser_sessions WHERE expires_at <= $1", cancellationToken, Time(now));
        await source.ExecuteAsync(
            "INSERT INTO browser_sessions (session_hash, token_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
            cancellationToken,
            Bytes(Hash(session)),
            Uuid(token),
            Time(now),
            Time(now + lifetime)
        );
    }

    /// <summary>The API token of a valid session; otherwise null.</summary>
    public Task<TokenRow?> FindAsync(string session, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync(
            $"""
            SELECT {TokenStore.Columns} FROM api_tokens
            WHERE revoked_at IS NULL AND id = (SELECT token_id FROM browser_sessions WHERE session_hash = $1 AND expires_at > $2)
            """,
            TokenStore.Map,
            cancellationToken,
            Bytes(Hash(session)),
            Time(time.GetUtcNow())
        );

    /// <summary>Extends a session; at most one write a day, however often it is called.</summary>
    public Task ExtendAsync(string session, TimeSpan lifetime, CancellationToken cancellationToken = default) =>
        source.ExecuteAsync(
            "UPDATE browser_sessions SET expires_at = $2 WHERE session_hash = $1 AND expires_at < $2 - interval '1 day'",
            cancellationToken,
            Bytes(Hash(session)),
            Time(time.GetUtcNow() + lifetime)
        );

    /// <summary>Ends a session on all servers and notifies them. Idempotent.</summary>
    public Task EndAsync(string session, CancellationToken cancellationToken = default) =>
        source.ExecuteAsync(
            """
            WITH ended AS (DELETE FROM browser_sessions WHERE session_hash = $1 RETURNING token_id)
            SELECT pg_notify('shipinator_catalog', '') FROM ended
            """,
            cancellationToken,
            Bytes(Hash(session))
        );

    /// <summary>The sessions that are no longer valid.</summary>
    public async Task<IReadOnlyCollection<string>> EndedAsync(
        IReadOnlyCollection<string> sessions,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(sessions);
        var hashes = sessions.Distinct(StringComparer.Ordinal).ToDictionary(s => Convert.ToHexString(Hash(s)), StringComparer.Ordinal);
        var alive = await source.QueryAsync(
            "SELECT session_hash FROM browser_sessions WHERE session_hash = ANY ($1) AND expires_at > $2",
            r => Convert.ToHexString(r.GetFieldValue<byte[]>(0)),
            cancellationToken,
            new NpgsqlParameter<byte[][]> { TypedValue = [.. hashes.Keys.Select(Convert.FromHexString)] },
            Time(time.GetUtcNow())
        );
        alive.ForEach(h => hashes.Remove(h));
        return hashes.Values;
    }

    private static byte[] Hash(string session) => SHA256.HashData(Encoding.UTF8.GetBytes(session));
}
