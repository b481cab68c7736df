using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>An execution that is not at work yet, and where it belongs.</summary>
public sealed record QueuedExecution
{
    /// <summary>The execution.</summary>
    public required ExecutionId Id { get; init; }

    /// <summary>Its run.</summary>
    public required RunId RunId { get; init; }

    /// <summary>The run's number in its repository.</summary>
    public required long RunNumber { get; init; }

    /// <summary>The project's name.</summary>
    public required string Project { get; init; }

    /// <summary>The repository's name.</summary>
    public required string Repository { get; init; }

    /// <summary>The job's name.</summary>
    public required string Job { get; init; }

    /// <summary>The step's name.</summary>
    public required string Step { get; init; }

    /// <summary>process, kubernetes.</summary>
    public required string Executor { get; init; }

    /// <summary>Pending or submitted.</summary>
    public required Status Status { get; init; }

    /// <summary>Since when it waits.</summary>
    public required DateTimeOffset Since { get; init; }
}

/// <summary>What waits. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class QueueQueries(NpgsqlDataSource source)
{
    /// <summary>The executions that were made and have not begun, the oldest first and those of one moment in their job's order, at most <paramref name="limit"/>; and how many there are.</summary>
    public async Task<(IReadOnlyList<QueuedExecution> Oldest, int All)> WaitingAsync(
        int limit,
        CancellationToken cancellationToken = default
    )
    {
        var all = 0;
        var oldest = await source.ListAsync(
            """
            WITH waiting AS (
              SELECT id, job_step_id, job_id, pipeline_run_id, executor_type, status, created_at, count(*) OVER ()::int AS of
              FROM executions WHERE completed_at IS NULL AND status IN ('pending', 'submitted')
              ORDER BY created_at, id LIMIT $1)
            SELECT w.id, w.pipeline_run_id, r.run_number, r.project_name, r.repository_name, j.name AS job, s.name AS step, w.executor_type, w.status, w.created_at, w.of
            FROM waiting w
            JOIN pipeline_runs r ON r.id = w.pipeline_run_id
            JOIN jobs j ON j.id = w.job_id
            JOIN job_steps s ON s.id = w.job_step_id
            ORDER BY w.created_at, w.pipeline_run_id, j.id, s.position, w.id
            """,
            r =>
            {
                all = r.Number("of");
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
        return (oldest, all);
    }
}
