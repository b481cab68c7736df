using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>Schedules of repositories. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class ScheduleStore(NpgsqlDataSource source, TimeProvider time)
{
    private const string List = "schedules";

    private const string Select = """
        SELECT s.id, s.repository_id, r.name AS repository_name, p.name AS project_name, r.default_branch, s.entry_key, s.name, s.cron,
               s.branch, s.timezone, s.inputs, s.enabled, s.next_at, s.attempts, s.retry_at, s.last_at, s.last_run_id, s.note, s.failure,
               s.failures, s.failed_at, s.removed_at, s.created_at, s.updated_at, l.run_number AS last_run_number,
               l.status AS last_run_status
        FROM schedules s JOIN repositories r ON r.id = s.repository_id JOIN projects p ON p.id = r.project_id
        LEFT JOIN pipeline_runs l ON l.id = s.last_run_id
        """;

    /// <summary>
    /// Makes the repository's schedules those of the given entries, in one transaction. A schedule whose entry did not change keeps its due
    /// time, and each keeps whether it is enabled. Errors: <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<IReadOnlyList<ScheduleRow>> SyncAsync(
        RepositoryId repository,
        IReadOnlyCollection<ScheduleChange> entries,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(entries);
        var given = entries.Select(e => new GivenRow(ScheduleId.New(time).Value, e)).ToList();
        try
        {
            await source.ExecuteAsync(
                """
                WITH given AS (
                  SELECT g.id, e.* FROM jsonb_to_recordset($2::jsonb) AS g (id uuid, entry jsonb),
                    jsonb_to_record(g.entry) AS e (
                      entry_key text, name text, cron text, branch text, timezone text, inputs jsonb, next_at timestamptz)
                ), gone AS (
                  UPDATE schedules SET removed_at = $3, next_at = NULL, retry_at = NULL, attempts = 0, updated_at = $3
                  WHERE repository_id = $1 AND removed_at IS NULL AND entry_key NOT IN (SELECT entry_key FROM given)
                )
                INSERT INTO schedules AS s
                  (id, repository_id, entry_key, name, cron, branch, timezone, inputs, enabled, next_at, created_at, updated_at)
                SELECT id, $1, entry_key, name, cron, branch, timezone, inputs, true, next_at, $3, $3 FROM given
                ON CONFLICT (repository_id, entry_key) DO UPDATE
                SET name = excluded.name, cron = excluded.cron, branch = excluded.branch, timezone = excluded.timezone,
                    inputs = excluded.inputs, removed_at = NULL, retry_at = NULL, attempts = 0, updated_at = excluded.updated_at,
                    next_at = CASE
                      WHEN NOT s.enabled THEN NULL
                      WHEN s.removed_at IS NULL AND s.next_at IS NOT NULL AND s.cron = excluded.cron AND s.timezone = excluded.timezone
                        THEN s.next_at
                      ELSE excluded.next_at
                    END
                WHERE (s.cron, s.branch, s.timezone, s.inputs, s.removed_at)
                        IS DISTINCT FROM (excluded.cron, excluded.branch, excluded.timezone, excluded.inputs, NULL)
                  OR (s.enabled AND s.next_at IS NULL AND excluded.next_at IS NOT NULL)
                """,
                cancellationToken,
                Uuid(repository.Value),
                Text(PlanJson.Serialize(given)),
                Time(time.GetUtcNow())
            );
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new NotFoundException("repository", repository.ToString());
        }

        return await ListAsync(repository, cancellationToken);
    }

    /// <summary>The schedule, also one whose entry is gone; null when there is none with this id.</summary>
    public Task<ScheduleRow?> GetAsync(ScheduleId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"{Select} WHERE s.id = $1", Map, cancellationToken, Uuid(id.Value));

    /// <summary>The schedules of a repository's default branch, the oldest first.</summary>
    public async Task<IReadOnlyList<ScheduleRow>> ListAsync(RepositoryId repository, CancellationToken cancellationToken = default) =>
        await source.QueryAsync(
            $"{Select} WHERE s.repository_id = $1 AND s.removed_at IS NULL ORDER BY s.id",
            Map,
            cancellationToken,
            Uuid(repository.Value)
        );

    /// <summary>A page of the schedules of all repositories, the oldest first.</summary>
    public async Task<Page<ScheduleRow>> ListAsync(PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        var rows = await source.ListAsync(
            $"{Select} WHERE s.removed_at IS NULL AND ($1::uuid IS NULL OR s.id > $1) ORDER BY s.id LIMIT $2",
            Map,
            cancellationToken,
            Uuid(Cursors.DecodeId(List, page.Cursor)),
            Number(page.Limit + 1)
        );
        return Cursors.Cut(List, rows, page.Limit, r => r.Id.ToString());
    }

    /// <summary>
    /// Switches a schedule on or off. <paramref name="next"/> is its due time when it was off. Errors: <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<ScheduleRow> SetEnabledAsync(
        ScheduleId id,
        bool enabled,
        DateTimeOffset? next,
        CancellationToken cancellationToken = default
    )
    {
        await source.ExecuteAsync(
            """
            UPDATE schedules
            SET enabled = $2, next_at = CASE WHEN $2 THEN $3 END, retry_at = NULL, attempts = 0, updated_at = $4
            WHERE id = $1 AND enabled <> $2 AND removed_at IS NULL
            """,
            cancellationToken,
            Uuid(id.Value),
            new NpgsqlParameter<bool> { TypedValue = enabled },
            Time(next),
            Time(time.GetUtcNow())
        );
        return await GetAsync(id, cancellationToken) is { RemovedAt: null } row
            ? row
            : throw new NotFoundException("schedule", id.ToString());
    }

    /// <summary>Records a run that somebody started by hand.</summary>
    public Task RecordRunAsync(ScheduleId id, RunId run, CancellationToken cancellationToken = default) =>
        source.ExecuteAsync(
            "UPDATE schedules SET last_run_id = $2, note = NULL, updated_at = $3 WHERE id = $1 AND last_run_id IS DISTINCT FROM $2",
            cancellationToken,
            Uuid(id.Value),
            Uuid(run.Value),
            Time(time.GetUtcNow())
        );

    private static ScheduleRow Map(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            RepositoryId = new(r.Uuid("repository_id")),
            RepositoryName = r.Text("repository_name"),
            ProjectName = r.Text("project_name"),
            DefaultBranch = r.Text("default_branch"),
            EntryKey = r.Text("entry_key"),
            Name = r.TextOrNull("name"),
            Cron = r.Text("cron"),
            Branch = r.TextOrNull("branch"),
            TimeZone = r.Text("timezone"),
            Inputs = r.Json<Dictionary<string, string>>("inputs"),
            Enabled = r.GetBoolean(r.GetOrdinal("enabled")),
            NextAt = r.TimeOrNull("next_at"),
            Attempts = r.Number("attempts"),
            RetryAt = r.TimeOrNull("retry_at"),
            LastAt = r.TimeOrNull("last_at"),
            LastRunId = r.UuidOrNull("last_run_id") is { } run ? new RunId(run) : null,
            LastRunNumber = r.GetOrdinal("last_run_number") is var at && r.IsDBNull(at) ? null : r.GetInt64(at),
            LastRunStatus = r.TextOrNull("last_run_status") is { } status ? Words.ParseStatus(status) : null,
            Note = r.TextOrNull("note"),
            Failure = r.TextOrNull("failure"),
            Failures = r.Number("failures"),
            FailedAt = r.TimeOrNull("failed_at"),
            RemovedAt = r.TimeOrNull("removed_at"),
            CreatedAt = r.Time("created_at"),
            UpdatedAt = r.Time("updated_at"),
        };

    private sealed record GivenRow(Guid Id, ScheduleChange Entry);
}
