using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <inheritdoc/>
public sealed class ArtifactIndex(NpgsqlDataSource source) : IArtifactIndex
{
    private const string Select = """
        SELECT a.id, a.job_id, a.execution_id, s.name AS step_name, j.name AS job_name, a.artifact_type, a.file_name, a.checksum, a.size,
          a.ref, e.status, NOT EXISTS (
            SELECT FROM executions later WHERE later.job_step_id = e.job_step_id AND later.attempt > e.attempt) AS is_last
        FROM artifacts a
        JOIN executions e ON e.id = a.execution_id
        JOIN job_steps s ON s.id = e.job_step_id
        JOIN jobs j ON j.id = a.job_id
        """;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ArtifactCandidate>> Find(
        RunId run,
        ProjectId project,
        InputSpec input,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.ArtifactId is { } id)
        {
            return await source.QueryAsync(
                $"""
                {Select}
                WHERE a.id = $1 AND e.project_id = $2 AND ($3::text IS NULL OR a.artifact_type = $3) AND ($4::text IS NULL OR s.name = $4)
                """,
                Candidate,
                cancellationToken,
                Uuid(id.Value),
                Uuid(project.Value),
                Text(input.Type),
                Text(input.Step)
            );
        }

        // A job whose result is reused may itself have reused an older one's, rerun after rerun.
        return await source.QueryAsync(
            $"""
            WITH RECURSIVE producers (id, reused_from) AS (
              SELECT id, reused_from FROM jobs WHERE pipeline_run_id = $1
              UNION
              SELECT j.id, j.reused_from FROM producers p JOIN jobs j ON j.id = p.reused_from)
            {Select}
            WHERE a.job_id IN (SELECT id FROM producers) AND e.project_id = $2
              AND ($3::text IS NULL OR a.artifact_type = $3) AND ($4::text IS NULL OR s.name = $4)
              AND ($5::text[] IS NULL OR j.name = ANY ($5))
            ORDER BY a.id
            """,
            Candidate,
            cancellationToken,
            Uuid(run.Value),
            Uuid(project.Value),
            Text(input.Type),
            Text(input.Step),
            Texts(input.Jobs)
        );
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ArtifactEntry>> OfExecution(ExecutionId execution, CancellationToken cancellationToken) =>
        await source.QueryAsync($"{Select} WHERE a.execution_id = $1 ORDER BY a.id", Map, cancellationToken, Uuid(execution.Value));

    private static ArtifactCandidate Candidate(NpgsqlDataReader r) => new(Map(r), r.Status(), r.GetBoolean(r.GetOrdinal("is_last")));

    private static ArtifactEntry Map(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            JobId = new(r.Uuid("job_id")),
            ExecutionId = new(r.Uuid("execution_id")),
            StepName = r.Text("step_name"),
            JobName = r.Text("job_name"),
            Type = r.Text("artifact_type"),
            FileName = r.Text("file_name"),
            Sha256 = r.TextOrNull("checksum"),
            Size = r.Long("size"),
            Ref = r.TextOrNull("ref"),
        };
}
