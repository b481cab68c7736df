using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>
/// The due times of schedules. Whoever takes a due time replaces <c>next_at</c> only if it is still that due time, so that of several silos
/// one succeeds. Errors of every method: <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed class DueTimeStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Schedules that are due now, or are to be attempted again, as <see cref="IScheduleFiring.Due"/> says.</summary>
    public async Task<IReadOnlyList<DueSchedule>> DueAsync(
        int most,
        IEnumerable<ScheduleId> except,
        IEnumerable<RepositoryId> exceptOf,
        CancellationToken cancellationToken = default
    ) =>
        await source.ListAsync(
            """
            SELECT id, repository_id, next_at FROM schedules
            WHERE next_at IS NOT NULL AND coalesce(retry_at, next_at) <= $1 AND id <> ALL ($3) AND repository_id <> ALL ($4)
            ORDER BY attempts > 0, coalesce(retry_at, next_at), id LIMIT $2
            """,
            r => new DueSchedule(new(r.Uuid("id")), new(r.Uuid("repository_id")), r.Time("next_at")),
            cancellationToken,
            Time(time.GetUtcNow()),
            Number(most),
            Uuids(except.Select(i => i.Value)),
            Uuids(exceptOf.Select(i => i.Value))
        );

    /// <summary>When the next schedule other than the given ones is due, or is attempted again.</summary>
    public async Task<DateTimeOffset?> EarliestAsync(IEnumerable<ScheduleId> except, CancellationToken cancellationToken = default) =>
        (
            await source.ListAsync(
                """
                SELECT coalesce(retry_at, next_at) AS at FROM schedules WHERE next_at IS NOT NULL AND id <> ALL ($1)
                ORDER BY coalesce(retry_at, next_at), id LIMIT 1
                """,
                r => r.TimeOrNull("at"),
                cancellationToken,
                Uuids(except.Select(i => i.Value))
            )
        ).SingleOrDefault();

    /// <summary>The run that a schedule has created with this idempotency key, however long ago; null when there is none.</summary>
    public async Task<RunId?> FindRunAsync(RepositoryId repository, string idempotencyKey, CancellationToken cancellationToken = default) =>
        (
            await source.QueryAsync(
                """
                SELECT id FROM pipeline_runs
                WHERE idempotency_key = $1 AND repository_id = $2 AND event = 'schedule' AND actor LIKE 'schedule:%' ORDER BY id LIMIT 1
                """,
                r => (RunId?)new RunId(r.Uuid("id")),
                cancellationToken,
                Text(idempotencyKey),
                Uuid(repository.Value)
            )
        ).SingleOrDefault();

    /// <summary>
    /// Records the run of a due time and moves to the next due time. False when the due time had been taken, or the schedule was changed,
    /// meanwhile: then only the run is recorded, unless there is a newer one.
    /// </summary>
    public async Task<bool> AdvanceAsync(
        ScheduleId id,
        DateTimeOffset due,
        DateTimeOffset? next,
        RunId run,
        string? note,
        CancellationToken cancellationToken = default
    )
    {
        var advanced = await source.ExecuteAsync(
            """
            UPDATE schedules
            SET next_at = $3, attempts = 0, retry_at = NULL, last_at = $2, last_run_id = $4, note = $5, failure = NULL, failures = 0,
                failed_at = NULL, updated_at = $6
            WHERE id = $1 AND next_at = $2
            """,
            cancellationToken,
            Uuid(id.Value),
            Time(due),
            Time(next),
            Uuid(run.Value),
            Text(note),
            Time(time.GetUtcNow())
        );
        if (advanced == 0)
        {
            await source.ExecuteAsync(
                """
                UPDATE schedules SET last_at = $2, last_run_id = $3, note = $4, updated_at = $5
                WHERE id = $1 AND (last_at IS NULL OR last_at < $2)
                """,
                cancellationToken,
                Uuid(id.Value),
                Time(due),
                Uuid(run.Value),
                Text(note),
                Time(time.GetUtcNow())
            );
        }

        return advanced > 0;
    }

    /// <summary>Records that an attempt failed and when to attempt the due time again; false as <see cref="AdvanceAsync"/>.</summary>
    public async Task<bool> RetryAsync(
        ScheduleId id,
        DateTimeOffset due,
        DateTimeOffset retryAt,
        string failure,
        CancellationToken cancellationToken = default
    ) =>
        await source.ExecuteAsync(
            """
            UPDATE schedules SET attempts = attempts + 1, retry_at = $3, failure = $4, failed_at = $5, updated_at = $5
            WHERE id = $1 AND next_at = $2
            """,
            cancellationToken,
            Uuid(id.Value),
            Time(due),
            Time(retryAt),
            Text(failure),
            Time(time.GetUtcNow())
        ) > 0;

    /// <summary>Records that a due time has no run, and moves to the next due time; false as <see cref="AdvanceAsync"/>.</summary>
    public async Task<bool> GiveUpAsync(
        ScheduleId id,
        DateTimeOffset due,
        DateTimeOffset? next,
        string failure,
        CancellationToken cancellationToken = default
    ) =>
        await source.ExecuteAsync(
            """
            UPDATE schedules
            SET next_at = $3, attempts = 0, retry_at = NULL, last_at = $2, failure = $4, failures = failures + 1, failed_at = $5,
                updated_at = $5
            WHERE id = $1 AND next_at = $2
            """,
            cancellationToken,
            Uuid(id.Value),
            Time(due),
            Time(next),
            Text(failure),
            Time(time.GetUtcNow())
        ) > 0;
}
