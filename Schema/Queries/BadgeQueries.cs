using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>A pipeline, as build monitors show it: its newest end, and whether a run is active.</summary>
public sealed record PipelineHead(
    PipelineId Id,
    string RepositoryName,
    string TriggerType,
    Status? LastStatus,
    long? LastNumber,
    DateTimeOffset? LastFinishedAt,
    bool IsActive
);

/// <summary>What badges and build monitors show. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class BadgeQueries(NpgsqlDataSource source)
{
    /// <summary>How many pipelines of a project are listed.</summary>
    public const int MaxPipelines = 1000;

    /// <summary>How many of the newest runs are looked at: more were not skipped one after the other.</summary>
    private const int Window = 50;

    /// <summary>
    /// The status of a branch's newest run of an event; null when there is none. Runs that were skipped or superseded say nothing about the
    /// branch and are passed over.
    /// </summary>
    public async Task<Status?> StatusAsync(
        RepositoryId repository,
        string branch,
        string @event,
        CancellationToken cancellationToken = default
    )
    {
        var found = await source.ListAsync(
            $"""
            SELECT status FROM (
              SELECT id, status, reason FROM pipeline_runs
              WHERE repository_id = $1 AND branch = $2 AND event = $3 ORDER BY id DESC LIMIT {Window}
            ) newest
            WHERE (status <> 'success' OR reason IS DISTINCT FROM 'condition') AND reason IS DISTINCT FROM 'superseded'
            ORDER BY id DESC LIMIT 1
            """,
            r => r.Status(),
            cancellationToken,
            Uuid(repository.Value),
            Text(branch),
            Text(@event)
        );
        return found.Count == 0 ? null : found[0];
    }

    /// <summary>The pipelines of a project or a repository; those of pushes with the runs of the default branch.</summary>
    public async Task<IReadOnlyList<PipelineHead>> PipelinesAsync(
        ProjectId? project,
        RepositoryId? repository,
        CancellationToken cancellationToken = default
    ) =>
        await source.ListAsync(
            $"""
            SELECT p.id, r.name, p.trigger_type, ended.status AS last_status, ended.run_number, ended.finished_at,
              newest.finished_at IS NULL AND newest.id IS NOT NULL AS is_active
            FROM repositories r JOIN pipelines p ON p.repository_id = r.id
            LEFT JOIN LATERAL (
              SELECT x.id, x.finished_at FROM pipeline_runs x
              WHERE x.pipeline_id = p.id AND (p.trigger_type <> 'push' OR x.branch = r.default_branch) ORDER BY x.id DESC LIMIT 1
            ) newest ON true
            LEFT JOIN LATERAL (
              SELECT x.status, x.run_number, x.finished_at FROM pipeline_runs x
              WHERE x.pipeline_id = p.id AND x.finished_at IS NOT NULL AND (p.trigger_type <> 'push' OR x.branch = r.default_branch)
              ORDER BY x.id DESC LIMIT 1
            ) ended ON true
            WHERE ($1::uuid IS NULL OR r.project_id = $1) AND ($2::uuid IS NULL OR r.id = $2)
            ORDER BY r.name, p.trigger_type LIMIT {MaxPipelines}
            """,
            r => new PipelineHead(
                new(r.Uuid("id")),
                r.Text("name"),
                r.Text("trigger_type"),
                r.TextOrNull("last_status") is { } word ? Words.ParseStatus(word) : null,
                r.TextOrNull("last_status") is null ? null : r.Long("run_number"),
                r.TimeOrNull("finished_at"),
                r.GetBoolean(r.GetOrdinal("is_active"))
            ),
            cancellationToken,
            Uuid(project?.Value),
            Uuid(repository?.Value)
        );
}
