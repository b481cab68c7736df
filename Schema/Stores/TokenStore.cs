using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>A row of <c>api_tokens</c>; it does not contain the token itself.</summary>
public sealed record TokenRow(
    Guid Id,
    string Name,
    string Role,
    string Prefix,
    DateTimeOffset CreatedAt,
    DateTimeOffset? LastUsedAt,
    DateTimeOffset? RevokedAt
);

/// <summary>API tokens, stored and found by their SHA-256. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class TokenStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>The number of characters that are stored in clear text, so that users can tell tokens apart.</summary>
    private const int PrefixLength = 8;

    private const string List = "tokens";

    internal const string Columns = "id, name, role, prefix, created_at, last_used_at, revoked_at";

    /// <summary>
    /// Stores a token's hash. Errors: <see cref="ConflictException"/> <c>name_taken</c> (also for a revoked one's name) or
    /// <c>token_taken</c>; <see cref="InvalidInputException"/> <c>role</c>.
    /// </summary>
    public async Task<TokenRow> CreateAsync(string name, string role, string token, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(token);
        try
        {
            return (
                await source.QueryAsync(
                    "INSERT INTO api_tokens (id, name, role, token_hash, prefix, created_at) VALUES ($1, $2, $3, $4, $5, $6) "
                        + $"RETURNING {Columns}",
                    Map,
                    cancellationToken,
                    Uuid(EntityId.NewValue(time)),
                    Text(name),
                    Text(role),
                    Bytes(Hash(token)),
                    Text(token[..Math.Min(PrefixLength, token.Length)]),
                    Time(time.GetUtcNow())
                )
            ).Single();
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw e.ConstraintName == "api_tokens_name_key"
                ? new ConflictException("name_taken", $"A token named '{name}' already exists. Choose another name.")
                : new ConflictException("token_taken", "This token already exists under another name. Use a new token.");
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.CheckViolation)
        {
            throw new InvalidInputException("role", $"'{role}' is not a valid role; expected one of admin, write, read.");
        }
    }

    /// <summary>The row of a valid token; null when it is unknown or revoked.</summary>
    public Task<TokenRow?> FindAsync(string token, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync(
            $"SELECT {Columns} FROM api_tokens WHERE token_hash = $1 AND revoked_at IS NULL",
            Map,
            cancellationToken,
            Bytes(Hash(token))
        );

    /// <summary>The row of a token by its id; null when it is unknown or revoked.</summary>
    public Task<TokenRow?> GetAsync(Guid id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"SELECT {Columns} FROM api_tokens WHERE id = $1 AND revoked_at IS NULL", Map, cancellationToken, Uuid(id));

    /// <summary>Page by page, revoked ones too, oldest first. Errors: <see cref="InvalidInputException"/> <c>cursor</c>.</summary>
    public async Task<Page<TokenRow>> ListAsync(PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        var rows = await source.ListAsync(
            $"SELECT {Columns} FROM api_tokens WHERE ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2",
            Map,
            cancellationToken,
            Uuid(Cursors.DecodeId(List, page.Cursor)),
            Number(page.Limit + 1)
        );
        return Cursors.Cut(List, rows, page.Limit, r => r.Id.ToString("D"));
    }

    /// <summary>All, revoked ones too, oldest first.</summary>
    public async Task<IReadOnlyList<TokenRow>> ListAsync(CancellationToken cancellationToken = default) =>
        await source.QueryAsync($"SELECT {Columns} FROM api_tokens ORDER BY id", Map, cancellationToken);

    /// <summary>Whether any token is valid.</summary>
    public async Task<bool> AnyAsync(CancellationToken cancellationToken = default) =>
        (
            await source.QueryAsync(
                "SELECT EXISTS (SELECT 1 FROM api_tokens WHERE revoked_at IS NULL)",
                r => r.GetBoolean(0),
                cancellationToken
            )
        ).Single();

    /// <summary>Revokes a token. Idempotent. Errors: <see cref="NotFoundException"/>.</summary>
    public async Task RevokeAsync(Guid id, CancellationToken cancellationToken = default)
    {
        if (
            await source.ExecuteAsync(
                "UPDATE api_tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1",
                cancellationToken,
                Uuid(id),
                Time(time.GetUtcNow())
            ) == 0
        )
        {
            throw new NotFoundException("token", id.ToString("D"));
        }
    }

    /// <summary>The given tokens that are revoked or unknown.</summary>
    public async Task<IReadOnlyCollection<Guid>> RevokedAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken = default)
    {
        var alive = await source.QueryAsync(
            "SELECT id FROM api_tokens WHERE id = ANY ($1) AND revoked_at IS NULL",
            r => r.GetGuid(0),
            cancellationToken,
            Uuids(ids)
        );
        return [.. ids.Except(alive)];
    }

    /// <summary>Updates the time of last use; at most one write a minute, however often it is called.</summary>
    public Task TouchAsync(Guid id, CancellationToken cancellationToken = default) =>
        source.ExecuteAsync(
            "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2 - interval '1 minute')",
            cancellationToken,
            Uuid(id),
            Time(time.GetUtcNow())
        );

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    internal static TokenRow Map(NpgsqlDataReader r) =>
        new(
            r.Uuid("id"),
            r.Text("name"),
            r.Text("role"),
            r.Text("prefix"),
            r.Time("created_at"),
            r.TimeOrNull("last_used_at"),
            r.TimeOrNull("revoked_at")
        );
}
