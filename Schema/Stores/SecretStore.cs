using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>
/// Encrypted secrets; this class never sees a value. Errors of every method: <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed class SecretStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>How long a forge may sign with the webhook secret before the current one.</summary>
    public static readonly TimeSpan WebhookOverlap = TimeSpan.FromHours(24);

    /// <summary>How much the clocks of servers may differ, and how long a claim may take between reading a value and giving it.</summary>
    private static readonly TimeSpan ClockMargin = TimeSpan.FromMinutes(10);

    private const string Facts =
        "id, project_id, repository_id, kind, name, version, events, branches, created_at, created_by, updated_at, updated_by, "
        + "superseded_at";
    private const string Columns = Facts + ", key_id, nonce, ciphertext, tag";

    /// <summary>
    /// The newest version of a secret, even if it was superseded by its removal; null when no version is stored. The next one follows it.
    /// </summary>
    public Task<SecretRow?> NewestAsync(SecretScope scope, string kind, string name, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync(
            $"SELECT {Columns} FROM secrets WHERE scope_id = $1 AND kind = $2 AND name = $3 ORDER BY version DESC LIMIT 1",
            Row,
            cancellationToken,
            Uuid(scope.Id),
            Text(kind),
            Text(name)
        );

    /// <summary>
    /// Adds a version, which supersedes the one before it. False when another writer has added this version: nothing was changed. Errors:
    /// <see cref="NotFoundException"/> when the project or repository does not exist.
    /// </summary>
    public async Task<bool> AddAsync(SecretRow row, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        var info = row.Info;
        try
        {
            // A batch is one transaction.
            await using var batch = source.CreateBatch();
            Add(
                batch,
                "UPDATE secrets SET superseded_at = $5 WHERE scope_id = $1 AND kind = $2 AND name = $3 AND version < $4 "
                    + "AND superseded_at IS NULL",
                Uuid(info.Scope.Id),
                Text(info.Kind),
                Text(info.Name),
                Number(info.Version),
                Time(info.UpdatedAt)
            );
            Add(
                batch,
                $"""
                INSERT INTO secrets ({Columns})
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, $13, $14, $15, $16)
                """,
                Uuid(info.Id),
                Uuid(info.Scope.Project?.Value),
                Uuid(info.Scope.Repository?.Value),
                Text(info.Kind),
                Text(info.Name),
                Number(info.Version),
                Texts(info.Events),
                Texts(info.Branches),
                Time(info.CreatedAt),
                Text(info.CreatedBy),
                Time(info.UpdatedAt),
                Text(info.UpdatedBy),
                Text(row.Value.KeyId),
                Bytes(row.Value.Nonce),
                Bytes(row.Value.Ciphertext),
                Bytes(row.Value.Tag)
            );
            await batch.ExecuteNonQueryAsync(cancellationToken);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return false;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new NotFoundException(info.Scope.Word, info.Scope.Id.ToString("D"));
        }
        catch (Exception e) when (e is not OperationCanceledException && DatabaseErrors.IsUnavailable(e))
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    /// <summary>The current secrets of a scope and kind, by name, without values.</summary>
    public async Task<IReadOnlyList<SecretInfo>> ListAsync(SecretScope scope, string kind, CancellationToken cancellationToken = default) =>
        await source.QueryAsync(
            $"SELECT {Facts} FROM secrets WHERE scope_id = $1 AND kind = $2 AND superseded_at IS NULL ORDER BY name",
            Info,
            cancellationToken,
            Uuid(scope.Id),
            Text(kind)
        );

    /// <summary>
    /// The current secrets for steps with these names, of the repository and of its project; with <paramref name="superseded"/> also what
    /// they were before.
    /// </summary>
    public async Task<IReadOnlyList<SecretRow>> FindAsync(
        ProjectId project,
        RepositoryId repository,
        IReadOnlyCollection<string> names,
        bool superseded,
        CancellationToken cancellationToken = default
    ) =>
        await source.QueryAsync(
            $"""
            SELECT {Columns} FROM secrets
            WHERE scope_id = ANY ($1) AND kind = 'secret' AND name = ANY ($2) AND ($3 OR superseded_at IS NULL)
            """,
            Row,
            cancellationToken,
            Uuids([project.Value, repository.Value]),
            Texts(names),
            new NpgsqlParameter<bool> { TypedValue = superseded }
        );

    /// <summary>All stored versions of one secret, newest first.</summary>
    public async Task<IReadOnlyList<SecretRow>> VersionsAsync(
        SecretScope scope,
        string kind,
        string name,
        CancellationToken cancellationToken = default
    ) =>
        await source.QueryAsync(
            $"SELECT {Columns} FROM secrets WHERE scope_id = $1 AND kind = $2 AND name = $3 ORDER BY version DESC",
            Row,
            cancellationToken,
            Uuid(scope.Id),
            Text(kind),
            Text(name)
        );

    /// <summary>
    /// Removes a secret: it is superseded, and <see cref="PruneAsync"/> deletes it; a webhook's is deleted with the one before it, so that
    /// neither is accepted any more. False when there was none.
    /// </summary>
    public async Task<bool> RemoveAsync(SecretScope scope, string kind, string name, CancellationToken cancellationToken = default) =>
        await source.ExecuteAsync(
            kind == SecretKinds.Webhook
                ? "DELETE FROM secrets WHERE scope_id = $1 AND kind = $2 AND name = $3 AND $4 IS NOT NULL"
                : "UPDATE secrets SET superseded_at = $4 WHERE scope_id = $1 AND kind = $2 AND name = $3 AND superseded_at IS NULL",
            cancellationToken,
            Uuid(scope.Id),
            Text(kind),
            Text(name),
            Time(time.GetUtcNow())
        ) > 0;

    /// <summary>
    /// Deletes superseded versions that nothing needs: no execution that may have been given them is active, and a webhook's overlap is
    /// over. Returns how many.
    /// </summary>
    public Task<int> PruneAsync(CancellationToken cancellationToken = default) =>
        source.ExecuteAsync(
            """
            DELETE FROM secrets s
            WHERE superseded_at IS NOT NULL
              AND CASE
                WHEN kind = 'webhook' THEN superseded_at <= $1
                ELSE superseded_at <= $2 AND NOT EXISTS (
                  SELECT 1 FROM executions e WHERE e.completed_at IS NULL AND e.created_at <= s.superseded_at + $3)
              END
            """,
            cancellationToken,
            Time(time.GetUtcNow() - WebhookOverlap),
            Time(time.GetUtcNow() - ClockMargin),
            new NpgsqlParameter<TimeSpan> { TypedValue = ClockMargin }
        );

    /// <summary>The ids of all keys that stored values are encrypted with, each with the number of values.</summary>
    public async Task<IReadOnlyDictionary<string, long>> KeysAsync(CancellationToken cancellationToken = default) =>
        (
            await source.QueryAsync(
                "SELECT key_id, count(*) AS n FROM secrets GROUP BY key_id",
                r => (Id: r.Text("key_id"), Count: r.Long("n")),
                cancellationToken
            )
        ).ToDictionary(k => k.Id, k => k.Count, StringComparer.Ordinal);

    /// <summary>Versions, superseded ones too, whose value is encrypted with another key; in the order of their ids.</summary>
    public async Task<IReadOnlyList<SecretRow>> NotUnderAsync(
        string keyId,
        Guid? after,
        int limit,
        CancellationToken cancellationToken = default
    ) =>
        await source.QueryAsync(
            $"SELECT {Columns} FROM secrets WHERE key_id <> $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3",
            Row,
            cancellationToken,
            Text(keyId),
            Uuid(after),
            Number(limit)
        );

    /// <summary>Replaces the encrypted form of a version. False when another writer has replaced or deleted it in the meantime.</summary>
    public async Task<bool> ResealAsync(SecretRow row, SealedValue value, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(value);
        return await source.ExecuteAsync(
                "UPDATE secrets SET key_id = $3, nonce = $4, ciphertext = $5, tag = $6 WHERE id = $1 AND nonce = $2",
                cancellationToken,
                Uuid(row.Info.Id),
                Bytes(row.Value.Nonce),
                Text(value.KeyId),
                Bytes(value.Nonce),
                Bytes(value.Ciphertext),
                Bytes(value.Tag)
            ) > 0;
    }

    private static void Add(NpgsqlBatch batch, string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.AddRange(parameters);
        batch.BatchCommands.Add(command);
    }

    private static SecretRow Row(NpgsqlDataReader r) =>
        new(
            Info(r),
            new(
                r.Text("key_id"),
                r.GetFieldValue<byte[]>(r.GetOrdinal("nonce")),
                r.GetFieldValue<byte[]>(r.GetOrdinal("ciphertext")),
                r.GetFieldValue<byte[]>(r.GetOrdinal("tag"))
            )
        );

    private static SecretInfo Info(NpgsqlDataReader r) =>
        new()
        {
            Id = r.Uuid("id"),
            Scope = r.UuidOrNull("repository_id") is { } repository
                ? SecretScope.Of(new RepositoryId(repository))
                : SecretScope.Of(new ProjectId(r.Uuid("project_id"))),
            Kind = r.Text("kind"),
            Name = r.Text("name"),
            Version = r.Number("version"),
            Events = r.GetFieldValue<string[]>(r.GetOrdinal("events")),
            Branches = r.GetFieldValue<string[]>(r.GetOrdinal("branches")),
            CreatedAt = r.Time("created_at"),
            CreatedBy = r.Text("created_by"),
            UpdatedAt = r.Time("updated_at"),
            UpdatedBy = r.Text("updated_by"),
            SupersededAt = r.TimeOrNull("superseded_at"),
        };
}
