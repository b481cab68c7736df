using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>A queued execution, with its run, job and step.</summary>
public sealed record QueuedExecution
{
    public required ExecutionId Id { get; init; }

    public required RunId RunId { get; init; }

    /// <summary>The run's number in its repository.</summary>
    public required long RunNumber { get; init; }

    public required string Project { get; init; }

    public required string Repository { get; init; }

    public required string Job { get; init; }

    public required string Step { get; init; }

    /// <summary>The executor's name: <c>process</c> or <c>kubernetes</c>.</summary>
    public required string Executor { get; init; }

    /// <summary>Pending or submitted.</summary>
    public required Status Status { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset Since { get; init; }
}

/// <summary>Reads the queue. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class QueueQueries(NpgsqlDataSource source)
{
    /// <summary>
    /// The executions that are pending or submitted, oldest first and those of the same moment in their job's order, at most
    /// <paramref name="limit"/>; and how many there are in total.
    /// </summary>
    public async Task<(IReadOnlyList<QueuedExecution> Oldest, int Total)> WaitingAsync(
        int limit,
        CancellationToken cancellationToken = default
    )
    {
        var total = 0;
        var oldest = await source.ListAsync(
            """
            WITH waiting AS (
              SELECT id, job_step_id, job_id, pipeline_run_id, executor_type, status, created_at, count(*) OVER ()::int AS total
              FROM executions WHERE completed_at IS NULL AND status IN ('pending', 'submitted')
              ORDER BY created_at, id LIMIT $1)
            SELECT w.id, w.pipeline_run_id, r.run_number, r.project_name, r.repository_name, j.name AS job, s.name AS step, w.executor_type,
              w.status, w.created_at, w.total
            FROM waiting w
            JOIN pipeline_runs r ON r.id = w.pipeline_run_id
            JOIN jobs j ON j.id = w.job_id
            JOIN job_steps s ON s.id = w.job_step_id
            ORDER BY w.created_at, w.pipeline_run_id, j.id, s.position, w.id
            """,
            r =>
            {
                total = r.Number("total");
                return new QueuedExecution
                {
                    Id = new(r.Uuid("id")),
                    RunId = new(r.Uuid("pipeline_run_id")),
                    RunNumber = r.Long("run_number"),
                    Project = r.Text("project_name"),
                    Repository = r.Text("repository_name"),
                    Job = r.Text("job"),
                    Step = r.Text("step"),
                    Executor = r.Text("executor_type"),
                    Status = Words.ParseStatus(r.Text("status")),
                    Since = r.Time("created_at"),
                };
            },
            cancellationToken,
            Number(limit)
        );
        return (oldest, total);
    }
}
