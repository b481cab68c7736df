using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>A run of a commit.</summary>
public sealed record CommitRun(RunId Id, long RunNumber);

/// <summary>The runs that an event has to know of. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class EventRunQueries(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Only runs that are not older are looked at: the history is not searched.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromDays(7);

    /// <summary>
    /// The newest run of the commit that was started by <paramref name="triggerType"/> for this branch (of a pull request: its head
    /// branch, not of a fork), and that was not canceled; null when there is none within a week.
    /// </summary>
    public async Task<CommitRun?> SameCommitAsync(
        RepositoryId repository,
        string triggerType,
        string branch,
        string commit,
        CancellationToken cancellationToken = default
    ) =>
        (
            await source.ListAsync(
                $"""
                SELECT id, run_number FROM pipeline_runs
                WHERE repository_id = $1 AND event = $2 AND id > $3 AND git_sha = $4 AND status <> 'canceled'
                  AND cancel_requested_at IS NULL
                  AND {(
                    triggerType == "push"
                        ? "branch = $5"
                        : "origin->>'head_branch' = $5 AND coalesce((origin->>'is_fork')::boolean, false) = false"
                )}
                ORDER BY id DESC LIMIT 1
                """,
                r => new CommitRun(new(r.GetGuid(0)), r.GetInt64(1)),
                cancellationToken,
                Uuid(repository.Value),
                Text(triggerType),
                Uuid(Guid.CreateVersion7(time.GetUtcNow() - Window)),
                Text(commit),
                Text(branch)
            )
        ).SingleOrDefault();

    /// <summary>
    /// The active runs of a ref that may be canceled when it is gone: <c>cancel_previous</c> holds, they count for no other event, and no
    /// deploy has begun.
    /// </summary>
    public async Task<IReadOnlyList<RunId>> CancelableAsync(
        RepositoryId repository,
        string triggerType,
        string gitRef,
        CancellationToken cancellationToken = default
    ) =>
        await source.QueryAsync(
            """
            SELECT id FROM pipeline_runs r
            WHERE finished_at IS NULL AND cancel_requested_at IS NULL AND repository_id = $1 AND event = $2 AND git_ref = $3
              AND (plan->'concurrency'->>'cancel_previous')::boolean
              AND NOT EXISTS (SELECT FROM run_contexts c WHERE c.run_id = r.id)
              AND NOT EXISTS (
                SELECT FROM jobs j WHERE j.pipeline_run_id = r.id AND j.job_type = 'deploy' AND j.status IN ('running', 'success'))
            ORDER BY id
            """,
            r => new RunId(r.GetGuid(0)),
            cancellationToken,
            Uuid(repository.Value),
            Text(triggerType),
            Text(gitRef)
        );
}
