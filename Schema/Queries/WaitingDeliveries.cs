using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>The deliveries without outcome, read through the partial index that holds only them.</summary>
public sealed class WaitingDeliveries(NpgsqlDataSource source, TimeProvider time) : IWaitingDeliveries
{
    /// <summary>
    /// After so many failed attempts (some minutes), a delivery holds back only deliveries of its own ref, and those hold back no others.
    /// </summary>
    internal const int HoldingAttempts = 8;

    /// <inheritdoc/>
    public Task<QueuedDelivery?> Next(RepositoryId repository, CancellationToken cancellationToken) =>
        source.QuerySingleAsync(
            $"""
            SELECT id, repository_id, event, queued_at, next_attempt_at, attempts, round, requested_by, reserved_run, reserved_number
            FROM webhook_deliveries d
            WHERE repository_id = $1 AND processed_at IS NULL AND NOT EXISTS (
              SELECT FROM webhook_deliveries e
              WHERE e.repository_id = $1 AND e.processed_at IS NULL AND e.position < d.position
                AND (e.ref_key = d.ref_key OR (e.attempts < {HoldingAttempts} AND NOT EXISTS (
                  SELECT FROM webhook_deliveries f
                  WHERE f.repository_id = $1 AND f.processed_at IS NULL AND f.position < e.position
                    AND f.attempts >= {HoldingAttempts} AND f.ref_key = e.ref_key))))
            ORDER BY greatest(next_attempt_at, $2), position LIMIT 1
            """,
            Map,
            cancellationToken,
            Uuid(repository.Value),
            Time(time.GetUtcNow())
        );

    /// <inheritdoc/>
    public async Task<bool> Begin(QueuedDelivery delivery, DateTimeOffset nextAttemptAt, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        return await source.ExecuteAsync(
                """
                UPDATE webhook_deliveries SET attempts = attempts + 1, next_attempt_at = $4
                WHERE id = $1 AND processed_at IS NULL AND attempts = $2 AND round = $3
                """,
                cancellationToken,
                Uuid(delivery.Id.Value),
                Number(delivery.Attempts),
                Number(delivery.Round),
                Time(nextAttemptAt)
            ) > 0;
    }

    /// <inheritdoc/>
    public Task Postpone(DeliveryId delivery, string failure, DateTimeOffset nextAttemptAt, CancellationToken cancellationToken) =>
        source.ExecuteAsync(
            "UPDATE webhook_deliveries SET failure = $2, next_attempt_at = $3 WHERE id = $1 AND processed_at IS NULL",
            cancellationToken,
            Uuid(delivery.Value),
            Text(failure),
            Time(nextAttemptAt)
        );

    /// <inheritdoc/>
    public Task Complete(DeliveryId delivery, DeliveryResult result, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(result);
        return source.ExecuteAsync(
            """
            WITH ended AS (
              UPDATE webhook_deliveries
              SET processed_at = $2, outcome = $3, detail = $4, failure = NULL, file_errors = $5::jsonb, trigger_type = $6, git_sha = $7,
                  runs = CASE WHEN $8 IS NULL OR $8 = ANY (runs) THEN runs ELSE runs || $8 END
              WHERE id = $1 AND processed_at IS NULL
              RETURNING repository_id
            )
            INSERT INTO run_contexts (run_id, trigger_type, repository_id, git_sha, created_at)
            SELECT $8, $6, repository_id, $7, $2 FROM ended WHERE $3 = 'run_shared'
            ON CONFLICT DO NOTHING
            """,
            cancellationToken,
            Uuid(delivery.Value),
            Time(time.GetUtcNow()),
            Text(result.Outcome.Word()),
            Text(result.Detail),
            Text(result.FileErrors.IsEmpty ? null : PlanJson.Serialize(result.FileErrors)),
            Text(result.TriggerType),
            Text(result.Commit),
            Uuid(result.Run?.Value)
        );
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RepositoryId>> Due(CancellationToken cancellationToken) =>
        await source.QueryAsync(
            "SELECT DISTINCT repository_id FROM webhook_deliveries WHERE processed_at IS NULL AND next_attempt_at <= $1",
            r => new RepositoryId(r.GetGuid(0)),
            cancellationToken,
            Time(time.GetUtcNow())
        );

    private static QueuedDelivery Map(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            Repository = new(r.Uuid("repository_id")),
            Event = r.Json<ForgeEvent>("event"),
            QueuedAt = r.Time("queued_at"),
            NextAttemptAt = r.Time("next_attempt_at"),
            Attempts = r.Number("attempts"),
            Round = r.Number("round"),
            RequestedBy = r.TextOrNull("requested_by"),
            Reserved = r.UuidOrNull("reserved_run") is { } run ? new(new(run), r.Long("reserved_number"), IsRepeat: true) : null,
        };
}
