using System.Globalization;
using Npgsql;
using Shipinator.Schema.Stores;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>Reads runs, jobs and histories. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public sealed class RunQueries(NpgsqlDataSource source, TimeProvider time)
{
    private const string List = "runs";
    private const string History = "history";
    private const string OfRun = "WHERE job_id IN (SELECT id FROM jobs WHERE pipeline_run_id = $1)";
    private const string TransitionColumns =
        "machine, entity_id, run_id, sequence, at, from_status, to_status, reason, detail, actor, "
        + "transaction::text AS transaction, position";

    /// <summary>How long to wait for an older transaction that is still open before a page is returned without its lines.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Null when there is none.</summary>
    public Task<RunView?> GetAsync(RunId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"{ViewReading.RunSelect} WHERE r.id = $1", ViewReading.Run, cancellationToken, Uuid(id.Value));

    /// <summary>The plan of a run; null when there is no such run.</summary>
    public Task<RunPlan?> PlanAsync(RunId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync(
            "SELECT plan FROM pipeline_runs WHERE id = $1",
            r => r.Json<RunPlan>("plan"),
            cancellationToken,
            Uuid(id.Value)
        );

    /// <summary>
    /// Newest first. Errors: <see cref="InvalidInputException"/> <c>cursor</c>, <c>repository_required</c>.
    /// </summary>
    public async Task<Page<RunView>> ListAsync(RunFilter filter, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(page);
        if (filter.Repository is null && (filter.PrNumber ?? (object?)filter.Tag) is not null)
        {
            throw new InvalidInputException("repository_required", "The filters pr and tag need repository; add the repository's id.");
        }

        var (sql, parameters) = ListStatement(filter, page);
        var rows = await source.ListAsync(RunListStatement.PlannerSettings, sql, ViewReading.Run, cancellationToken, parameters);
        return Cursors.Cut(List, rows, page.Limit, r => r.Id.ToString());
    }

    /// <summary>
    /// The runs with this number whose <c>project / repository</c>, at that time or now, contains all of the words; newest first.
    /// </summary>
    public async Task<IReadOnlyList<RunView>> NumberedAsync(
        long number,
        IReadOnlyCollection<string> words,
        int limit,
        CancellationToken cancellationToken = default
    ) => await source.ListAsync(NumberedStatement, ViewReading.Run, cancellationToken, Long(number), Like(words), Number(limit));

    /// <summary>
    /// All jobs in the plan's order, with steps, executions and artifacts, from one snapshot. Empty when there is no such run.
    /// </summary>
    public async Task<IReadOnlyList<JobView>> JobsAsync(RunId run, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            // One snapshot, so that no execution is returned without its step.
            await using var transaction = await connection.BeginTransactionAsync(
                System.Data.IsolationLevel.RepeatableRead,
                cancellationToken
            );
            await using var batch = new NpgsqlBatch(connection, transaction);
            foreach (
                var sql in (string[])
                    [
                        $"SELECT {ViewReading.JobColumns} FROM jobs WHERE pipeline_run_id = $1 ORDER BY position, id",
                        $"SELECT {ViewReading.StepColumns} FROM job_steps {OfRun} ORDER BY job_attempt, position",
                        $"SELECT {ViewReading.ExecutionColumns} FROM executions WHERE pipeline_run_id = $1 ORDER BY attempt, id",
                        $"SELECT {ArtifactMetadataStore.Columns} FROM artifacts {OfRun} ORDER BY id",
                    ]
            )
            {
                batch.BatchCommands.Add(new(sql) { Parameters = { Uuid(run.Value) } });
            }

            List<JobView> jobs;
            List<StepView> steps;
            List<ExecutionView> executions;
            List<ArtifactRow> artifacts;
            await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
            {
                jobs = await ReadAsync(reader, ViewReading.Job, cancellationToken);
                steps = await ReadAsync(reader, ViewReading.Step, cancellationToken);
                executions = await ReadAsync(reader, ViewReading.Execution, cancellationToken);
                artifacts = await ReadAsync(reader, ArtifactMetadataStore.Map, cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
            var ofExecution = artifacts.ToLookup(a => a.ExecutionId);
            var ofStep = executions.Select(e => e with { Artifacts = [.. ofExecution[e.Id]] }).ToLookup(e => e.StepId);
            var ofJob = steps.Select(s => s with { Executions = [.. ofStep[s.Id]] }).ToLookup(s => s.JobId);
            return [.. jobs.Select(j => j with { Steps = [.. ofJob[j.Id]] })];
        }
        catch (Exception e) when (e is not OperationCanceledException && DatabaseErrors.IsUnavailable(e))
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    /// <summary>One execution with its artifacts; null when there is none.</summary>
    public async Task<ExecutionView?> ExecutionAsync(ExecutionId id, CancellationToken cancellationToken = default)
    {
        var view = await source.QuerySingleAsync(
            $"SELECT {ViewReading.ExecutionColumns} FROM executions WHERE id = $1",
            ViewReading.Execution,
            cancellationToken,
            Uuid(id.Value)
        );
        return view is null
            ? null
            : view with
            {
                Artifacts = await source.QueryAsync(
                    $"SELECT {ArtifactMetadataStore.Columns} FROM artifacts WHERE execution_id = $1 ORDER BY id",
                    ArtifactMetadataStore.Map,
                    cancellationToken,
                    Uuid(id.Value)
                ),
            };
    }

    /// <summary>All transitions of the run, its jobs, steps and executions so far, in commit order.</summary>
    public async Task<IReadOnlyList<HistoryEntry>> HistoryAsync(RunId run, CancellationToken cancellationToken = default) =>
        await source.QueryAsync(
            $"SELECT {TransitionColumns} FROM state_transitions t WHERE run_id = $1 ORDER BY t.transaction, t.position",
            Entry,
            cancellationToken,
            Uuid(run.Value)
        );

    /// <summary>
    /// Transitions after a cursor of <see cref="HistoryEntry"/>, or from the start. Following the cursors never skips a line, however late
    /// its transaction commits. Lines that an older, open transaction holds back are awaited for at most a second; without
    /// <paramref name="wait"/> the page is returned immediately, with <see cref="HistoryPage.More"/>. Errors:
    /// <see cref="InvalidInputException"/> <c>cursor</c>.
    /// </summary>
    public async Task<HistoryPage> TransitionsAfterAsync(
        RunId run,
        string? cursor,
        int limit = 500,
        bool wait = true,
        CancellationToken cancellationToken = default
    )
    {
        var pause = Pause;
        var (transaction, position) = DecodePosition(cursor);
        var began = time.GetTimestamp();
        while (true)
        {
            var rows = await source.QueryAsync(
                $"""
                SELECT {TransitionColumns}, t.transaction < pg_snapshot_xmin(pg_current_snapshot()) AS settled
                FROM state_transitions t
                WHERE run_id = $1 AND (t.transaction, t.position) > ($2::text::xid8, $3)
                ORDER BY t.transaction, t.position
                LIMIT $4
                """,
                r => (Entry: Entry(r), Settled: r.GetBoolean(r.GetOrdinal("settled"))),
                cancellationToken,
                Uuid(run.Value),
                Text(transaction.ToString(CultureInfo.InvariantCulture)),
                Long(position),
                Number(limit + 1)
            );
            var settled = rows.TakeWhile(r => r.Settled).Take(limit).Select(r => r.Entry).ToList();
            var heldBack = rows.Exists(r => !r.Settled);

            // There is no further notification of these lines: the one of their own commit has brought the caller here.
            if (wait && heldBack && settled.Count < limit && time.GetElapsedTime(began) < MaxWait)
            {
                await Task.Delay(pause, time, cancellationToken);
                pause *= 2;
                continue;
            }

            return new(settled, settled.Count == 0 ? cursor : settled[^1].Cursor, heldBack || rows.Count > limit);
        }
    }

    internal const string NumberedStatement = $"""
        {ViewReading.RunSelect}
        WHERE r.run_number = $1
          AND (r.project_name || ' / ' || r.repository_name ILIKE ALL ($2)
            OR EXISTS (
              SELECT FROM repositories n JOIN projects o ON o.id = n.project_id
              WHERE n.id = r.repository_id AND o.name || ' / ' || n.name ILIKE ALL ($2)))
        ORDER BY r.id DESC LIMIT $3
        """;

    /// <summary>The statement of a list, separate so that a test can explain it.</summary>
    internal static (string Sql, NpgsqlParameter[] Parameters) ListStatement(RunFilter filter, PageRequest page) =>
        new RunListStatement(filter, Cursors.DecodeId(List, page.Cursor), page.Limit).Build();

    private static async Task<List<T>> ReadAsync<T>(
        NpgsqlDataReader reader,
        Func<NpgsqlDataReader, T> map,
        CancellationToken cancellationToken
    )
    {
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(map(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        return rows;
    }

    private static HistoryEntry Entry(NpgsqlDataReader r) =>
        new(Cursors.Encode(History, $"{r.Text("transaction")}.{r.Long("position")}"), ViewReading.Transition(r));

    private static (ulong Transaction, long Position) DecodePosition(string? cursor)
    {
        if (Cursors.Decode(History, cursor) is not { } text)
        {
            return (0, 0);
        }

        var parts = text.Split('.');
        return
            parts.Length == 2
            && ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var transaction)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            ? (transaction, position)
            : throw Cursors.Invalid();
    }
}
