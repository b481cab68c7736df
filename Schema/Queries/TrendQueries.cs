using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>The results of runs that ended on one day (UTC), and the median duration of the successful ones.</summary>
public sealed record DayTrend(DateOnly Day, int Success, int Failed, int Canceled, TimeSpan? MedianDuration);

/// <summary>A run that is pending or running, with its running jobs and steps.</summary>
public sealed record ActiveRun(RunView Run, IReadOnlyList<CurrentStep> Current);

/// <summary>A running job, and its running step, if any.</summary>
public sealed record CurrentStep(RunId RunId, string JobType, string Job, string? Step);

/// <summary>The newest run of a branch.</summary>
public sealed record BranchHead(string Branch, RunView Run);

/// <summary>Reads aggregates for overviews. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class TrendQueries(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>The number of successful runs that the median duration is taken from.</summary>
    private const int MedianSample = 20;

    /// <summary>The number of newest runs of a repository that are searched for branches.</summary>
    private const int BranchWindow = 2000;

    /// <summary>The runs that are pending or running, newest first, at most <paramref name="limit"/>.</summary>
    public async Task<IReadOnlyList<ActiveRun>> ActiveAsync(int limit, CancellationToken cancellationToken = default)
    {
        var runs = await source.ListAsync(
            $"{ViewReading.RunSelect} WHERE r.finished_at IS NULL ORDER BY r.id DESC LIMIT $1",
            ViewReading.Run,
            cancellationToken,
            Number(limit)
        );
        var current = await source.ListAsync(
            """
            SELECT j.pipeline_run_id, j.job_type, j.name, s.name AS step
            FROM jobs j LEFT JOIN job_steps s ON s.job_id = j.id AND s.job_attempt = j.attempt AND s.status = 'running'
            WHERE j.pipeline_run_id = ANY($1) AND j.status = 'running' AND j.finished_at IS NULL
            ORDER BY j.position, s.position
            """,
            r => new CurrentStep(new(r.Uuid("pipeline_run_id")), r.Text("job_type"), r.Text("name"), r.TextOrNull("step")),
            cancellationToken,
            new NpgsqlParameter<Guid[]> { TypedValue = [.. runs.Select(r => r.Id.Value)] }
        );
        var ofRun = current.ToLookup(c => c.RunId);
        return [.. runs.Select(r => new ActiveRun(r, [.. ofRun[r.Id]]))];
    }

    /// <summary>The number of running and of pending runs.</summary>
    public async Task<(int Running, int Pending)> ActiveCountAsync(CancellationToken cancellationToken = default) =>
        (await source.ListAsync(ActiveCountStatement, r => (r.Number("running"), r.Number("pending")), cancellationToken)).Single();

    internal const string ActiveCountStatement =
        "SELECT count(*) FILTER (WHERE status = 'running')::int AS running, count(*) FILTER (WHERE status = 'pending')::int AS pending "
        + "FROM pipeline_runs WHERE finished_at IS NULL";

    /// <summary>The last <paramref name="days"/> days, today last, of all runs or of those of a project, repository or pipeline.</summary>
    public async Task<IReadOnlyList<DayTrend>> DaysAsync(RunFilter filter, int days, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var first = today.AddDays(1 - days);
        var since = new DateTimeOffset(first.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        var (condition, id) = filter switch
        {
            { Pipeline: { } p } => ("AND pipeline_id = $2", p.Value),
            { Repository: { } r } => ("AND repository_id = $2", r.Value),
            { Project: { } p } => ("AND project_id = $2", p.Value),
            _ => ("", (Guid?)null),
        };
        // Ids start with their creation time (UUID version 7), so the range is one of the primary key.
        var parameters = new List<NpgsqlParameter> { Uuid(FirstIdAt(since)) };
        if (id is { } value)
        {
            parameters.Add(Uuid(value));
        }

        var rows = await source.ListAsync(
            $"""
            SELECT (finished_at AT TIME ZONE 'UTC')::date AS day,
                   count(*) FILTER (WHERE status = 'success')::int AS success,
                   count(*) FILTER (WHERE status = 'failed')::int AS failed,
                   count(*) FILTER (WHERE status = 'canceled')::int AS canceled,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))
                     FILTER (WHERE status = 'success') AS median
            FROM pipeline_runs
            WHERE id >= $1 AND finished_at IS NOT NULL {condition}
            GROUP BY day
            """,
            r => new DayTrend(
                r.GetFieldValue<DateOnly>(r.GetOrdinal("day")),
                r.Number("success"),
                r.Number("failed"),
                r.Number("canceled"),
                r.IsDBNull(r.GetOrdinal("median")) ? null : TimeSpan.FromSeconds(r.GetDouble(r.GetOrdinal("median")))
            ),
            cancellationToken,
            [.. parameters]
        );
        var byDay = rows.ToDictionary(r => r.Day);
        return
        [
            .. Enumerable
                .Range(0, days)
                .Select(d => first.AddDays(d))
                .Select(d => byDay.GetValueOrDefault(d) ?? new DayTrend(d, 0, 0, 0, null)),
        ];
    }

    /// <summary>The median duration of a pipeline's last successful runs; null when there are none.</summary>
    public async Task<TimeSpan?> MedianDurationAsync(PipelineId pipeline, CancellationToken cancellationToken = default)
    {
        var rows = await source.ListAsync(
            $"""
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)) AS median
            FROM (SELECT finished_at, started_at FROM (SELECT * FROM pipeline_runs WHERE pipeline_id = $1 ORDER BY id DESC LIMIT 200) r
                  WHERE status = 'success' AND started_at IS NOT NULL LIMIT {MedianSample}) last
            """,
            r => r.IsDBNull(0) ? (TimeSpan?)null : TimeSpan.FromSeconds(r.GetDouble(0)),
            cancellationToken,
            Uuid(pipeline.Value)
        );
        return rows.Single();
    }

    /// <summary>The newest run of each recently used branch, newest first.</summary>
    public async Task<IReadOnlyList<BranchHead>> BranchesAsync(
        RepositoryId repository,
        int limit,
        CancellationToken cancellationToken = default
    ) =>
        await source.ListAsync(
            $"""
            {ViewReading.RunSelect}
            JOIN (SELECT branch, max(id::text)::uuid AS id
                  FROM (SELECT id, branch FROM pipeline_runs WHERE repository_id = $1 ORDER BY id DESC LIMIT {BranchWindow}) w
                  WHERE branch IS NOT NULL GROUP BY branch) b ON b.id = r.id
            ORDER BY r.id DESC LIMIT $2
            """,
            r => ViewReading.Run(r) is var run ? new BranchHead(run.Branch!, run) : null!,
            cancellationToken,
            Uuid(repository.Value),
            Number(limit)
        );

    /// <summary>
    /// The newest run of each repository that has one: the last entry of its range in the index, in a form that only this index can
    /// provide. With <c>repository_id =</c> the planner may walk all runs backwards, which is slow for an inactive repository.
    /// </summary>
    public async Task<IReadOnlyList<RunView>> NewestAsync(
        IReadOnlyCollection<RepositoryId> repositories,
        CancellationToken cancellationToken = default
    ) =>
        await source.ListAsync(
            $"""
            {ViewReading.RunSelect}
            JOIN (SELECT n.id FROM unnest($1) AS w (id)
                  CROSS JOIN LATERAL (SELECT repository_id, id FROM pipeline_runs
                                      WHERE (repository_id, id) <= (w.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                                      ORDER BY repository_id DESC, id DESC LIMIT 1) n
                  WHERE n.repository_id = w.id) newest ON newest.id = r.id
            """,
            ViewReading.Run,
            cancellationToken,
            Uuids(repositories.Select(r => r.Value))
        );

    private static Guid FirstIdAt(DateTimeOffset moment)
    {
        Span<byte> bytes = stackalloc byte[16];
        var milliseconds = moment.ToUnixTimeMilliseconds();
        for (var i = 0; i < 6; i++)
        {
            bytes[i] = (byte)(milliseconds >> (8 * (5 - i)));
        }

        return new Guid(bytes, bigEndian: true);
    }
}
