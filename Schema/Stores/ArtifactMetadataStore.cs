using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>A row of <c>artifacts</c>.</summary>
public sealed record ArtifactRow
{
    public required ArtifactId Id { get; init; }

    /// <summary>The job that produced it.</summary>
    public required JobId JobId { get; init; }

    /// <summary>The execution that uploaded it.</summary>
    public required ExecutionId ExecutionId { get; init; }

    /// <summary><c>artifact_type</c>: binary, image, chart, test-report, coverage, file.</summary>
    public required string Type { get; init; }

    /// <summary>Relative to the workspace, with forward slashes; for a ref, the ref.</summary>
    public required string FileName { get; init; }

    /// <summary>The store that holds the bytes: nfs, s3.</summary>
    public required string StorageBackend { get; init; }

    /// <summary>The path within the store.</summary>
    public required string StoragePath { get; init; }

    /// <summary>SHA-256 in lower-case hex; null for a ref.</summary>
    public string? Checksum { get; init; }

    /// <summary>In bytes.</summary>
    public required long Size { get; init; }

    /// <summary>The reference, when nothing was uploaded.</summary>
    public string? Ref { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>
/// The metadata of artifacts; artifact stores hold their bytes. Errors of every method: <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed class ArtifactMetadataStore(NpgsqlDataSource source)
{
    internal const string Columns =
        "id, job_id, artifact_type, storage_backend, storage_path, checksum, created_at, execution_id, file_name, size, ref";

    /// <summary>
    /// Adds a row. When the execution already has an artifact of this type and name: returns that one and false, so that a repeated upload
    /// changes nothing. Errors: <see cref="NotFoundException"/> for its job or execution,
    /// <see cref="InvalidInputException"/> <c>artifact_type</c>.
    /// </summary>
    public async Task<(ArtifactRow Row, bool Added)> InsertAsync(ArtifactRow row, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        try
        {
            var added =
                await source.ExecuteAsync(
                    $"INSERT INTO artifacts ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
                    cancellationToken,
                    Uuid(row.Id.Value),
                    Uuid(row.JobId.Value),
                    Text(row.Type),
                    Text(row.StorageBackend),
                    Text(row.StoragePath),
                    Text(row.Checksum),
                    Time(row.CreatedAt),
                    Uuid(row.ExecutionId.Value),
                    Text(row.FileName),
                    Long(row.Size),
                    Text(row.Ref)
                ) == 1;
            if (added)
            {
                return (row, true);
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw e.ConstraintName == "artifacts_job_id_fkey"
                ? new NotFoundException("job", row.JobId.ToString())
                : new NotFoundException("execution", row.ExecutionId.ToString());
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.CheckViolation)
        {
            throw new InvalidInputException(
                "artifact_type",
                $"'{row.Type}' is not a valid artifact type; expected one of binary, image, chart, test-report, coverage, file."
            );
        }

        var existing =
            await source.QuerySingleAsync(
                $"SELECT {Columns} FROM artifacts WHERE execution_id = $1 AND artifact_type = $2 AND file_name = $3",
                Map,
                cancellationToken,
                Uuid(row.ExecutionId.Value),
                Text(row.Type),
                Text(row.FileName)
            ) ?? throw new ConflictException("artifact_id_taken", $"Artifact {row.Id} already exists for another execution. Use a new id.");
        return (existing, false);
    }

    public Task<ArtifactRow?> GetAsync(ArtifactId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"SELECT {Columns} FROM artifacts WHERE id = $1", Map, cancellationToken, Uuid(id.Value));

    /// <summary>All artifacts of a run, oldest first.</summary>
    public async Task<IReadOnlyList<ArtifactRow>> ListByRunAsync(RunId run, CancellationToken cancellationToken = default) =>
        await source.QueryAsync(
            $"SELECT {Columns} FROM artifacts WHERE job_id IN (SELECT id FROM jobs WHERE pipeline_run_id = $1) ORDER BY id",
            Map,
            cancellationToken,
            Uuid(run.Value)
        );

    /// <summary>The total size of a run's artifacts, in bytes.</summary>
    public async Task<long> BytesOfRunAsync(RunId run, CancellationToken cancellationToken = default) =>
        (
            await source.QueryAsync(
                "SELECT coalesce(sum(size), 0)::bigint AS bytes FROM artifacts "
                    + "WHERE job_id IN (SELECT id FROM jobs WHERE pipeline_run_id = $1)",
                r => r.Long("bytes"),
                cancellationToken,
                Uuid(run.Value)
            )
        ).Single();

    /// <summary>The stored artifacts without a row, whose executions have one.</summary>
    public async Task<IReadOnlyList<ArtifactId>> OrphansAsync(
        IReadOnlyList<StoredOwner> stored,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(stored);
        return await source.QueryAsync(
            """
            SELECT s.id FROM unnest($1::uuid[], $2::uuid[]) AS s (id, execution_id)
            WHERE NOT EXISTS (SELECT FROM artifacts a WHERE a.id = s.id) AND EXISTS (SELECT FROM executions e WHERE e.id = s.execution_id)
            """,
            r => new ArtifactId(r.Uuid("id")),
            cancellationToken,
            Uuids(stored.Select(s => s.Artifact.Value)),
            Uuids(stored.Select(s => s.Execution.Value))
        );
    }

    internal static ArtifactRow Map(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            JobId = new(r.Uuid("job_id")),
            ExecutionId = new(r.Uuid("execution_id")),
            Type = r.Text("artifact_type"),
            FileName = r.Text("file_name"),
            StorageBackend = r.Text("storage_backend"),
            StoragePath = r.Text("storage_path"),
            Checksum = r.TextOrNull("checksum"),
            Size = r.Long("size"),
            Ref = r.TextOrNull("ref"),
            CreatedAt = r.Time("created_at"),
        };
}
