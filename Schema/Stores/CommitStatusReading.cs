using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>Reads rows of the outbox of commit statuses, with their runs and jobs.</summary>
internal static class CommitStatusReading
{
    /// <summary>The jobs of runs. A failed step that is allowed to fail is not why its job failed.</summary>
    public static async Task<ILookup<RunId, StatusJob>> JobsAsync(
        this NpgsqlDataSource source,
        RunId[] runs,
        CancellationToken cancellationToken
    )
    {
        var rows =
            runs.Length == 0
                ? []
                : await source.QueryAsync(
                    """
                    SELECT j.pipeline_run_id, j.name, j.status, j.reason, j.reused_from IS NOT NULL AS is_reused, f.name AS step,
                      f.reason AS step_reason, f.exit_code
                    FROM jobs j LEFT JOIN LATERAL (
                      SELECT s.name, s.reason, s.exit_code FROM job_steps s
                      WHERE s.job_id = j.id AND s.job_attempt = j.attempt AND s.status = 'failed'
                        AND NOT coalesce((j.spec -> 'plan' -> 'steps' -> s.position ->> 'allow_failure')::boolean, false)
                      ORDER BY s.position LIMIT 1
                    ) f ON j.status = 'failed'
                    WHERE j.pipeline_run_id = ANY ($1) ORDER BY j.pipeline_run_id, j.position
                    """,
                    r =>
                        (
                            Run: new RunId(r.GetGuid(0)),
                            Job: new StatusJob(
                                r.Text("name"),
                                r.Status(),
                                r.ReasonOrNull(),
                                r.GetBoolean(r.GetOrdinal("is_reused")),
                                r.TextOrNull("step") is { } step
                                    ? new(step, r.ReasonOrNull("step_reason"), r.NumberOrNull("exit_code"))
                                    : null
                            )
                        ),
                    cancellationToken,
                    Uuids(runs.Select(r => r.Value))
                );
        return rows.ToLookup(r => r.Run, r => r.Job);
    }

    /// <summary>A row with the state of its run.</summary>
    public static CommitStatusRow Map(NpgsqlDataReader r) =>
        new()
        {
            Key = new(new(r.Uuid("repository_id")), r.Text("git_sha"), r.Text("context")),
            RunId = r.UuidOrNull("run_id") is { } run ? new RunId(run) : null,
            FixedState = State(r.TextOrNull("fixed_state")),
            FixedDescription = r.TextOrNull("fixed_description"),
            Progress = r.Text("progress") switch
            {
                "open" => StatusProgress.Open,
                "blocked" => StatusProgress.Blocked,
                _ => StatusProgress.Settled,
            },
            SentState = State(r.TextOrNull("sent_state")),
            SentDescription = r.TextOrNull("sent_description"),
            SentAt = r.TimeOrNull("sent_at"),
            Posts = r.Number("posts"),
            RunPosts = r.Number("run_posts"),
            Attempts = r.Number("attempts"),
            NextAttemptAt = r.TimeOrNull("next_attempt_at"),
            FailingSince = r.TimeOrNull("failing_since"),
            ErrorCode = r.TextOrNull("error_code"),
            Error = r.TextOrNull("error"),
            RegisteredAt = r.Time("registered_at"),
            Version = r.Number("version"),
            Run = r.TextOrNull("run_status") is { } status
                ? new(
                    Words.ParseStatus(status),
                    r.ReasonOrNull("run_reason"),
                    r.TextOrNull("run_detail"),
                    r.TimeOrNull("started_at"),
                    r.TimeOrNull("finished_at")
                )
                : null,
        };

    /// <summary>The word in the database.</summary>
    public static string Word(StatusProgress progress) =>
        progress switch
        {
            StatusProgress.Open => "open",
            StatusProgress.Blocked => "blocked",
            _ => "settled",
        };

    /// <summary>The word in the database.</summary>
    public static string Word(CommitState state) =>
        state switch
        {
            CommitState.Pending => "pending",
            CommitState.Success => "success",
            CommitState.Failure => "failure",
            _ => "error",
        };

    private static CommitState? State(string? word) =>
        word switch
        {
            null => null,
            "pending" => CommitState.Pending,
            "success" => CommitState.Success,
            "failure" => CommitState.Failure,
            _ => CommitState.Error,
        };
}
