using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>Stores and lists webhook deliveries. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class DeliveryStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>How long a delivery is kept after its outcome.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    /// <summary>How many deliveries of a repository are kept; those that wait are always.</summary>
    public const int MostPerRepository = 10_000;

    private const string List = "deliveries";

    /// <summary>The first key of the lock under which the deliveries of a repository are stored one after the other.</summary>
    private const int LockClass = 0x53485044;

    private const string Columns =
        "id, repository_id, position, forge_delivery_id, event_name, event, received_at, attempts, failure, next_attempt_at, "
        + "processed_at, outcome, detail, duplicate_of, runs, file_errors, requested_by";

    private const string Insert = """
        WITH known AS (
          SELECT id, processed_at IS NULL AS waits FROM webhook_deliveries
          WHERE repository_id = $2 AND forge_delivery_id = $3
        ), latest AS (
          SELECT id, content_key, outcome FROM webhook_deliveries
          WHERE repository_id = $2 AND ref_key = $5 AND duplicate_of IS NULL
          ORDER BY position DESC LIMIT 1
        ), added AS (
          INSERT INTO webhook_deliveries
            (id, repository_id, forge_delivery_id, event_name, ref_key, content_key, event, received_at, queued_at, next_attempt_at,
             duplicate_of, outcome, detail, processed_at)
          SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8, $8, l.id,
                 CASE WHEN l.id IS NULL THEN $9 ELSE 'duplicate' END,
                 CASE WHEN l.id IS NULL THEN $10 ELSE 'Delivery ' || l.id || ' reported the same.' END,
                 CASE WHEN l.id IS NULL AND $9 IS NULL THEN NULL ELSE $8 END
          FROM (SELECT) one
          LEFT JOIN latest l ON l.content_key = $6 AND coalesce(l.outcome, '') NOT IN ('error', 'gave_up')
          WHERE NOT EXISTS (SELECT FROM known)
          RETURNING id, processed_at IS NULL AS waits
        )
        SELECT id, true AS repeats, waits FROM known UNION ALL SELECT id, false, waits FROM added
        """;

    /// <summary>
    /// Stores a delivery; committed when this returns. One with a forge's id that is known is not stored again; one whose content is that
    /// of the latest delivery of the same ref is stored as its duplicate. Errors: <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<StoredDelivery> AddAsync(NewDelivery delivery, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        try
        {
            // A batch is one transaction, and each of its statements sees what was committed before it: the lock comes first.
            await using var batch = source.CreateBatch();
            batch.BatchCommands.Add(
                new("SELECT pg_advisory_xact_lock($1, $2)")
                {
                    Parameters = { Number(LockClass), Number(BitConverter.ToInt32(delivery.Repository.Value.ToByteArray(), 12)) },
                }
            );
            var insert = new NpgsqlBatchCommand(Insert);
            insert.Parameters.AddRange(
                new[]
                {
                    Uuid(DeliveryId.New(time).Value),
                    Uuid(delivery.Repository.Value),
                    Text(delivery.ForgeDeliveryId),
                    Text(delivery.EventName),
                    Text(delivery.RefKey),
                    Text(delivery.ContentKey),
                    Text(PlanJson.Serialize(delivery.Event)),
                    Time(time.GetUtcNow()),
                    Text(delivery.Result?.Outcome.Word()),
                    Text(delivery.Result?.Detail),
                }
            );
            batch.BatchCommands.Add(insert);
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.NextResultAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            return new(new(reader.Uuid("id")), reader.GetBoolean(1), reader.GetBoolean(2));
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new NotFoundException("repository", delivery.Repository.ToString());
        }
        catch (Exception e) when (e is not OperationCanceledException && DatabaseErrors.IsUnavailable(e))
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    /// <summary>Null when there is none.</summary>
    public Task<DeliveryRow?> GetAsync(DeliveryId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"SELECT {Columns} FROM webhook_deliveries WHERE id = $1", Map, cancellationToken, Uuid(id.Value));

    /// <summary>The deliveries of a repository, newest first. Errors: <see cref="InvalidInputException"/> <c>cursor</c>.</summary>
    public async Task<Page<DeliveryRow>> ListAsync(RepositoryId repository, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        var before = Cursors.Decode(List, page.Cursor) switch
        {
            null => long.MaxValue,
            var text => long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var at) ? at : throw Cursors.Invalid(),
        };
        var rows = await source.ListAsync(
            $"SELECT {Columns} FROM webhook_deliveries WHERE repository_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3",
            Map,
            cancellationToken,
            Uuid(repository.Value),
            Long(before),
            Number(page.Limit + 1)
        );
        return Cursors.Cut(List, rows, page.Limit, r => r.Position.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// Puts a delivery that has its outcome back into the queue; its run will be a new one. False when it still waits. Errors:
    /// <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<bool> RequeueAsync(DeliveryId id, string requestedBy, CancellationToken cancellationToken = default)
    {
        if (
            await source.ExecuteAsync(
                """
                UPDATE webhook_deliveries
                SET processed_at = NULL, outcome = NULL, detail = NULL, failure = NULL, file_errors = NULL, reserved_run = NULL,
                    reserved_number = NULL, attempts = 0, round = round + 1, requested_by = $2, queued_at = $3, next_attempt_at = $3
                WHERE id = $1 AND processed_at IS NOT NULL
                """,
                cancellationToken,
                Uuid(id.Value),
                Text(requestedBy),
                Time(time.GetUtcNow())
            ) > 0
        )
        {
            return true;
        }

        return await GetAsync(id, cancellationToken) is null ? throw new NotFoundException("delivery", id.ToString()) : false;
    }

    /// <summary>Stores the id and number of the run that is being created. Returns those of an earlier attempt, if there are any.</summary>
    public async Task<RunReservation> ReserveAsync(DeliveryId id, RunReservation reservation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reservation);
        return (
                await source.QueryAsync(
                    """
                    UPDATE webhook_deliveries
                    SET reserved_run = coalesce(reserved_run, $2), reserved_number = coalesce(reserved_number, $3)
                    WHERE id = $1 RETURNING reserved_run, reserved_number
                    """,
                    r => new RunReservation(new(r.GetGuid(0)), r.GetInt64(1), r.GetGuid(0) != reservation.RunId.Value),
                    cancellationToken,
                    Uuid(id.Value),
                    Uuid(reservation.RunId.Value),
                    Long(reservation.RunNumber)
                )
            ).SingleOrDefault() ?? throw new NotFoundException("delivery", id.ToString());
    }

    /// <summary>
    /// Deletes up to <paramref name="most"/> deliveries that have had their outcome for longer than <see cref="Retention"/>, or that
    /// exceed <see cref="MostPerRepository"/>. Returns how many were deleted.
    /// </summary>
    public async Task<int> PruneAsync(int most, CancellationToken cancellationToken = default)
    {
        var old = await source.ExecuteAsync(
            """
            DELETE FROM webhook_deliveries WHERE id IN (
              SELECT id FROM webhook_deliveries WHERE processed_at < $1 ORDER BY processed_at LIMIT $2)
            """,
            cancellationToken,
            Time(time.GetUtcNow() - Retention),
            Number(most)
        );
        return old
            + await source.ExecuteAsync(
                $"""
                DELETE FROM webhook_deliveries d USING (
                  SELECT r.id, (SELECT position FROM webhook_deliveries w WHERE w.repository_id = r.id
                                ORDER BY position DESC OFFSET {MostPerRepository} LIMIT 1) AS last
                  FROM repositories r) kept
                WHERE d.repository_id = kept.id AND d.position <= kept.last AND d.processed_at IS NOT NULL
                """,
                cancellationToken
            );
    }

    private static DeliveryRow Map(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            RepositoryId = new(r.Uuid("repository_id")),
            Position = r.Long("position"),
            ForgeDeliveryId = r.TextOrNull("forge_delivery_id"),
            EventName = r.Text("event_name"),
            Event = r.Json<ForgeEvent>("event"),
            ReceivedAt = r.Time("received_at"),
            Attempts = r.Number("attempts"),
            Failure = r.TextOrNull("failure"),
            NextAttemptAt = r.Time("next_attempt_at"),
            ProcessedAt = r.TimeOrNull("processed_at"),
            Outcome = r.TextOrNull("outcome") is { } outcome ? DeliveryOutcomes.Parse(outcome) : null,
            Detail = r.TextOrNull("detail"),
            DuplicateOf = r.UuidOrNull("duplicate_of") is { } earlier ? new DeliveryId(earlier) : null,
            Runs = [.. r.GetFieldValue<Guid[]>(r.GetOrdinal("runs")).Select(g => new RunId(g))],
            FileErrors = r.TextOrNull("file_errors") is { } errors ? PlanJson.Deserialize<IReadOnlyList<FileError>>(errors) : [],
            RequestedBy = r.TextOrNull("requested_by"),
        };
}
