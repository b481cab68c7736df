using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>A row of <c>pipelines</c>.</summary>
public sealed record PipelineRow(
    PipelineId Id,
    RepositoryId RepositoryId,
    string Name,
    string TriggerType,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt
);

/// <summary>Pipelines: one per trigger type of a repository. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class PipelineStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>The trigger types that a pipeline can have.</summary>
    public static IReadOnlyList<string> TriggerTypes { get; } = ["push", "pr", "manual", "schedule"];

    private const string Columns = "id, repository_id, name, trigger_type, created_at, updated_at";

    /// <summary>
    /// Creates a pipeline for each given trigger type that has none yet, renames the others, and updates the repository's sync time.
    /// Pipelines of other trigger types remain: their runs refer to them. Returns all pipelines of the repository. Errors:
    /// <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<IReadOnlyList<PipelineRow>> SyncAsync(
        RepositoryId repository,
        string name,
        IReadOnlyCollection<string> triggerTypes,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(triggerTypes);
        var now = time.GetUtcNow();
        if (
            await source.ExecuteAsync(
                "UPDATE repositories SET last_synced_at = $2 WHERE id = $1",
                cancellationToken,
                Uuid(repository.Value),
                Time(now)
            ) == 0
        )
        {
            throw new NotFoundException("repository", repository.ToString());
        }

        foreach (var type in triggerTypes)
        {
            await EnsureAsync(repository, name, type, cancellationToken);
        }

        return await ListAsync(repository, cancellationToken);
    }

    /// <summary>The pipeline of a trigger type, created or renamed if necessary.</summary>
    public async Task<PipelineRow> EnsureAsync(
        RepositoryId repository,
        string name,
        string triggerType,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            var rows = await source.QueryAsync(
                $"""
                INSERT INTO pipelines AS p ({Columns}) VALUES ($1, $2, $3, $4, $5, $5)
                ON CONFLICT (repository_id, trigger_type) DO UPDATE
                SET name = excluded.name, updated_at = CASE WHEN p.name = excluded.name THEN p.updated_at ELSE excluded.updated_at END
                RETURNING {Columns}
                """,
                Map,
                cancellationToken,
                Uuid(PipelineId.New(time).Value),
                Uuid(repository.Value),
                Text(name),
                Text(triggerType),
                Time(time.GetUtcNow())
            );
            return rows.Single();
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new NotFoundException("repository", repository.ToString());
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.CheckViolation)
        {
            throw new InvalidInputException(
                "trigger_type",
                $"'{triggerType}' is not a valid trigger type; expected one of {string.Join(", ", TriggerTypes)}."
            );
        }
    }

    /// <summary>Removes the pipelines of other trigger types that no run refers to.</summary>
    public async Task RemoveUnusedAsync(
        RepositoryId repository,
        IReadOnlyCollection<string> triggerTypes,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            await source.ExecuteAsync(
                """
                DELETE FROM pipelines p
                WHERE repository_id = $1 AND trigger_type <> ALL ($2)
                  AND NOT EXISTS (SELECT FROM pipeline_runs r WHERE r.pipeline_id = p.id)
                """,
                cancellationToken,
                Uuid(repository.Value),
                Texts(triggerTypes)
            );
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            // A run was created in the meantime: the pipeline remains for its history.
        }
    }

    public Task<PipelineRow?> GetAsync(PipelineId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"SELECT {Columns} FROM pipelines WHERE id = $1", Map, cancellationToken, Uuid(id.Value));

    /// <summary>The repository's pipeline of a trigger type; null when there is none.</summary>
    public Task<PipelineRow?> FindAsync(RepositoryId repository, string triggerType, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync(
            $"SELECT {Columns} FROM pipelines WHERE repository_id = $1 AND trigger_type = $2",
            Map,
            cancellationToken,
            Uuid(repository.Value),
            Text(triggerType)
        );

    /// <summary>All pipelines of a repository, by trigger type.</summary>
    public async Task<IReadOnlyList<PipelineRow>> ListAsync(RepositoryId repository, CancellationToken cancellationToken = default) =>
        await source.QueryAsync(
            $"SELECT {Columns} FROM pipelines WHERE repository_id = $1 ORDER BY trigger_type",
            Map,
            cancellationToken,
            Uuid(repository.Value)
        );

    private static PipelineRow Map(NpgsqlDataReader r) =>
        new(
            new(r.Uuid("id")),
            new(r.Uuid("repository_id")),
            r.Text("name"),
            r.Text("trigger_type"),
            r.Time("created_at"),
            r.Time("updated_at")
        );
}
