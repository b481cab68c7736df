using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;
using static Shipinator.Schema.Stores.CommitStatusReading;

namespace Shipinator.Schema.Stores;

/// <summary>
/// The outbox of commit statuses. Errors of every method: <see cref="StorageUnavailableException"/>. Results of a post are recorded only
/// while the row has the version that was read, so that a status that was registered meanwhile is not lost.
/// </summary>
public sealed class CommitStatusStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Rows that are read at a time.</summary>
    public const int PageSize = 500;

    private const string Open =
        "progress = 'open', attempts = CASE s.progress WHEN 'open' THEN s.attempts ELSE 0 END, "
        + "next_attempt_at = CASE s.progress WHEN 'open' THEN s.next_attempt_at END, "
        + "failing_since = CASE s.progress WHEN 'open' THEN s.failing_since END, "
        + "error_code = CASE s.progress WHEN 'open' THEN s.error_code END, error = CASE s.progress WHEN 'open' THEN s.error END, "
        + "run_posts = 0, registered_at = excluded.registered_at, version = s.version + 1";

    /// <summary>
    /// The contexts report the run from now on. A newer run of a context keeps it; repeating the call changes nothing. The run need not
    /// exist yet.
    /// </summary>
    public async Task RegisterAsync(
        RepositoryId repository,
        string commit,
        IReadOnlyCollection<string> contexts,
        RunId run,
        RunId? origin = null,
        CancellationToken cancellationToken = default
    ) =>
        await source.ExecuteAsync(
            $"""
            INSERT INTO commit_statuses AS s (repository_id, git_sha, context, run_id, origin_run_id, progress, registered_at)
            SELECT $1, $2, context, $4, $5, 'open', $6 FROM unnest($3) AS context
            ON CONFLICT (repository_id, git_sha, context) DO UPDATE
            SET run_id = excluded.run_id, origin_run_id = excluded.origin_run_id, fixed_state = NULL, fixed_description = NULL, {Open}
            WHERE s.run_id IS NULL OR s.run_id < excluded.run_id
            """,
            cancellationToken,
            Uuid(repository.Value),
            Text(commit),
            Texts(contexts.Distinct(StringComparer.Ordinal)),
            Uuid(run.Value),
            Uuid((origin ?? run).Value),
            Time(time.GetUtcNow())
        );

    /// <summary>The contexts that report the original of a rerun or another rerun of it, and the original.</summary>
    public async Task<(RunId Origin, IReadOnlyList<string> Contexts)> OfRerunAsync(
        RunId earlier,
        CancellationToken cancellationToken = default
    )
    {
        var rows = await source.QueryAsync(
            """
            WITH RECURSIVE chain AS (
              SELECT id, rerun_of, repository_id, git_sha FROM pipeline_runs WHERE id = $1
              UNION ALL
              SELECT r.id, r.rerun_of, r.repository_id, r.git_sha FROM pipeline_runs r JOIN chain c ON r.id = c.rerun_of
            )
            SELECT c.id, s.context
            FROM chain c
            LEFT JOIN commit_statuses s ON s.repository_id = c.repository_id AND s.git_sha = c.git_sha AND s.origin_run_id = c.id
            WHERE c.rerun_of IS NULL
            """,
            r => (Origin: new RunId(r.GetGuid(0)), Context: r.TextOrNull("context")),
            cancellationToken,
            Uuid(earlier.Value)
        );
        return (rows.Count == 0 ? earlier : rows[0].Origin, [.. rows.Select(r => r.Context).OfType<string>()]);
    }

    /// <summary>
    /// The context reports a fixed state, because no run is created. A context that reports a run, or already has the same state, is not
    /// changed. Returns whether something is to be sent.
    /// </summary>
    public async Task<bool> RegisterFixedAsync(
        CommitStatusKey key,
        CommitState state,
        string description,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(key);
        return await source.ExecuteAsync(
                $"""
                INSERT INTO commit_statuses AS s
                  (repository_id, git_sha, context, fixed_state, fixed_description, progress, registered_at)
                VALUES ($1, $2, $3, $4, $5, 'open', $6)
                ON CONFLICT (repository_id, git_sha, context) DO UPDATE
                SET fixed_state = excluded.fixed_state, fixed_description = excluded.fixed_description, {Open}
                WHERE s.run_id IS NULL
                  AND (s.fixed_state, s.fixed_description) IS DISTINCT FROM (excluded.fixed_state, excluded.fixed_description)
                """,
                cancellationToken,
                Uuid(key.Repository.Value),
                Text(key.Commit),
                Text(key.Context),
                Text(Word(state)),
                Text(description),
                Time(time.GetUtcNow())
            ) > 0;
    }

    /// <summary>The repositories with a status that is open and due, or blocked and due for a new attempt.</summary>
    public async Task<IReadOnlyList<RepositoryId>> DueAsync(CancellationToken cancellationToken = default) =>
        await source.QueryAsync(
            """
            SELECT DISTINCT repository_id FROM commit_statuses
            WHERE progress <> 'settled' AND coalesce(next_attempt_at <= $1, progress = 'open')
            """,
            r => new RepositoryId(r.GetGuid(0)),
            cancellationToken,
            Time(time.GetUtcNow())
        );

    /// <summary>Whether and when something of a repository is due.</summary>
    public async Task<StatusOutlook> OutlookAsync(RepositoryId repository, CancellationToken cancellationToken = default) =>
        (
            await source.QueryAsync(
                """
                SELECT coalesce(bool_or(progress = 'open'), false) AS has_open,
                  min(next_attempt_at) FILTER (WHERE next_attempt_at > $2) AS next_attempt_at,
                  max(next_attempt_at) FILTER (WHERE next_attempt_at > $2 AND progress = 'open' AND error_code = ANY ($3)) AS paused_until,
                  coalesce(max(attempts) FILTER (WHERE progress = 'open' AND error_code = ANY ($3)), 0) AS attempts
                FROM commit_statuses WHERE repository_id = $1 AND progress <> 'settled'
                """,
                r => new StatusOutlook(
                    r.GetBoolean(r.GetOrdinal("has_open")),
                    r.TimeOrNull("next_attempt_at"),
                    r.TimeOrNull("paused_until"),
                    r.Number("attempts")
                ),
                cancellationToken,
                Uuid(repository.Value),
                Time(time.GetUtcNow()),
                Texts([ForgeException.Unreachable, ForgeRequestException.RateLimited])
            )
        )[0];

    /// <summary>
    /// A page of the repository's statuses that may be sent now, the one registered last first: the open ones, and before them the newest
    /// of the blocked ones that are due for a new attempt.
    /// </summary>
    public async Task<IReadOnlyList<CommitStatusRow>> ReadyAsync(
        RepositoryId repository,
        CommitStatusRow? after = null,
        int limit = PageSize,
        CancellationToken cancellationToken = default
    )
    {
        var rows = await source.QueryAsync(
            """
            WITH ready AS (
              (SELECT * FROM commit_statuses
               WHERE repository_id = $1 AND progress <> 'settled' AND progress = 'open' AND coalesce(next_attempt_at <= $2, true)
                 AND ($3::timestamptz IS NULL OR (registered_at, git_sha, context) < ($3, $4, $5))
               ORDER BY registered_at DESC, git_sha DESC, context DESC LIMIT $6)
              UNION ALL
              (SELECT * FROM commit_statuses
               WHERE repository_id = $1 AND progress <> 'settled' AND progress = 'blocked' AND next_attempt_at <= $2 AND $3 IS NULL
               ORDER BY registered_at DESC LIMIT 1)
            )
            SELECT s.*, r.status AS run_status, r.reason AS run_reason, r.detail AS run_detail, r.started_at, r.finished_at
            FROM ready s LEFT JOIN pipeline_runs r ON r.id = s.run_id
            ORDER BY s.progress, s.registered_at DESC, s.git_sha DESC, s.context DESC
            """,
            Map,
            cancellationToken,
            Uuid(repository.Value),
            Time(time.GetUtcNow()),
            Time(after?.RegisteredAt),
            Text(after?.Key.Commit),
            Text(after?.Key.Context),
            Number(limit)
        );
        var jobs = await source.JobsAsync(
            [.. rows.Where(r => r.Run is { Status: not Status.Pending }).Select(r => r.RunId!.Value).Distinct()],
            cancellationToken
        );
        return
        [
            .. rows.Select(r =>
                r.Run is { } run && r.RunId is { } id && jobs[id] is var of ? r with { Run = run with { Jobs = [.. of] } } : r
            ),
        ];
    }

    /// <summary>
    /// The forge accepted a status. Returns false when the row changed while it was sent: it is then unknown which of the two the forge
    /// received last, and the row is marked to be sent again.
    /// </summary>
    public async Task<bool> SentAsync(
        CommitStatusRow row,
        CommitState state,
        string description,
        bool isSettled,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(row);
        const string Key = "WHERE repository_id = $1 AND git_sha = $2 AND context = $3";
        var recorded = await source.ExecuteAsync(
            $"""
            UPDATE commit_statuses
            SET sent_state = $5, sent_description = $6, sent_at = $7, posts = posts + 1, run_posts = run_posts + 1, attempts = 0,
                next_attempt_at = NULL, failing_since = NULL, error_code = NULL, error = NULL, progress = $8, version = version + 1
            {Key} AND version = $4
            """,
            cancellationToken,
            Uuid(row.Key.Repository.Value),
            Text(row.Key.Commit),
            Text(row.Key.Context),
            Number(row.Version),
            Text(Word(state)),
            Text(description),
            Time(time.GetUtcNow()),
            Text(isSettled ? "settled" : "open")
        );
        if (recorded > 0)
        {
            return true;
        }

        await source.ExecuteAsync(
            $"""
            UPDATE commit_statuses
            SET sent_state = NULL, sent_description = NULL, posts = posts + 1, progress = 'open', version = version + 1
            {Key}
            """,
            cancellationToken,
            Uuid(row.Key.Repository.Value),
            Text(row.Key.Commit),
            Text(row.Key.Context)
        );
        return false;
    }

    /// <summary>The forge has what the run says, and the run has ended.</summary>
    public Task SettleAsync(CommitStatusRow row, CancellationToken cancellationToken = default) =>
        UpdateAsync(row, "progress = 'settled'", cancellationToken);

    /// <summary>
    /// The forge did not accept a status; <paramref name="progress"/> says whether it is sent again by itself, and
    /// <paramref name="attempts"/> how many attempts failed before, at least.
    /// </summary>
    public Task FailedAsync(
        CommitStatusRow row,
        StatusProgress progress,
        string code,
        string error,
        DateTimeOffset? nextAttemptAt,
        int attempts = 0,
        CancellationToken cancellationToken = default
    ) =>
        UpdateAsync(
            row,
            "progress = $5, error_code = $6, error = $7, next_attempt_at = $8, attempts = greatest(attempts, $10) + 1, "
                + "failing_since = coalesce(failing_since, $9)",
            cancellationToken,
            Text(Word(progress)),
            Text(code),
            Text(error),
            Time(nextAttemptAt),
            Time(time.GetUtcNow()),
            Number(attempts)
        );

    /// <summary>
    /// Blocks all open statuses of a repository, because its credential is not accepted; those that were blocked and due wait as well.
    /// </summary>
    public async Task BlockAsync(
        RepositoryId repository,
        string code,
        string error,
        DateTimeOffset nextAttemptAt,
        CancellationToken cancellationToken = default
    ) =>
        await source.ExecuteAsync(
            """
            UPDATE commit_statuses
            SET progress = 'blocked', error_code = $2, error = $3, next_attempt_at = $4, failing_since = coalesce(failing_since, $5),
                version = version + 1
            WHERE repository_id = $1 AND progress <> 'settled'
              AND (progress = 'open' OR (error_code = ANY ($6) AND next_attempt_at <= $5))
            """,
            cancellationToken,
            Uuid(repository.Value),
            Text(code),
            Text(error),
            Time(nextAttemptAt),
            Time(time.GetUtcNow()),
            Texts([ForgeRequestException.Unauthorized, ForgeRequestException.Forbidden])
        );

    /// <summary>
    /// Statuses that failed are sent again: the blocked ones with one of the codes, or with <paramref name="codes"/> null all that failed.
    /// Returns how many.
    /// </summary>
    public Task<int> RetryAsync(
        RepositoryId repository,
        IReadOnlyCollection<string>? codes,
        CancellationToken cancellationToken = default
    ) =>
        source.ExecuteAsync(
            """
            UPDATE commit_statuses
            SET progress = 'open', attempts = 0, next_attempt_at = NULL, failing_since = NULL, version = version + 1
            WHERE repository_id = $1 AND progress <> 'settled' AND (error_code IS NOT NULL)
              AND ($2::text[] IS NULL OR (progress = 'blocked' AND error_code = ANY ($2)))
            """,
            cancellationToken,
            Uuid(repository.Value),
            Texts(codes)
        );

    /// <summary>What of a repository could not be sent; null when nothing failed.</summary>
    public async Task<StatusProblems?> ProblemsAsync(RepositoryId repository, CancellationToken cancellationToken = default)
    {
        var found = await source.QueryAsync(
            """
            SELECT count(*) FILTER (WHERE progress = 'blocked')::int AS blocked, count(*) FILTER (WHERE progress = 'open')::int AS retrying,
              min(failing_since) AS since, min(next_attempt_at) AS next_attempt_at,
              (array_agg(error_code ORDER BY progress, registered_at DESC))[1] AS error_code,
              (array_agg(error ORDER BY progress, registered_at DESC))[1] AS error
            FROM commit_statuses WHERE repository_id = $1 AND progress <> 'settled' AND error_code IS NOT NULL
            """,
            r => new StatusProblems(
                r.Number("blocked"),
                r.Number("retrying"),
                r.TextOrNull("error_code"),
                r.TextOrNull("error"),
                r.TimeOrNull("since"),
                r.TimeOrNull("next_attempt_at")
            ),
            cancellationToken,
            Uuid(repository.Value)
        );
        return found[0] is { Blocked: 0, Retrying: 0 } ? null : found[0];
    }

    private async Task UpdateAsync(CommitStatusRow row, string set, CancellationToken cancellationToken, params NpgsqlParameter[] more)
    {
        ArgumentNullException.ThrowIfNull(row);
        await source.ExecuteAsync(
            $"UPDATE commit_statuses SET {set}, version = version + 1 "
                + "WHERE repository_id = $1 AND git_sha = $2 AND context = $3 AND version = $4",
            cancellationToken,
            [Uuid(row.Key.Repository.Value), Text(row.Key.Commit), Text(row.Key.Context), Number(row.Version), .. more]
        );
    }
}
