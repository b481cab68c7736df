using System.Globalization;
using Npgsql;
using Orleans.Storage;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Storage;

/// <summary>
/// Stores the state of the three FSM grains in the rows of the specification's tables, which are thereby the only copy of it:
/// <see cref="Stored{T}"/> of <see cref="RunRecord"/>, <see cref="JobRecord"/> and
/// <see cref="ExecutionRecord"/>. The ETag is the row's version. Errors: as <see cref="GroupCommitWriter"/>'s.
/// </summary>
public sealed class RelationalGrainStorage(NpgsqlDataSource source, GroupCommitWriter writer) : IGrainStorage
{
    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        ArgumentNullException.ThrowIfNull(grainState);
        var id = grainId.GetGuidKey();
        if (typeof(T) == typeof(Stored<RunRecord>))
        {
            Set(grainState, await ReadAsync("pipeline_runs", id, RecordReading.Run));
        }
        else if (typeof(T) == typeof(Stored<JobRecord>))
        {
            Set(grainState, await ReadJobAsync(id));
        }
        else if (typeof(T) == typeof(Stored<ExecutionRecord>))
        {
            Set(grainState, await ReadAsync("executions", id, RecordReading.Execution));
        }
        else
        {
            throw Unsupported<T>(stateName);
        }
    }

    /// <inheritdoc/>
    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        ArgumentNullException.ThrowIfNull(grainState);
        var id = grainId.GetGuidKey();
        var expected = grainState.ETag is { Length: > 0 } tag ? int.Parse(tag, CultureInfo.InvariantCulture) : 0;
        PendingWrite write = grainState.State switch
        {
            Stored<RunRecord> { Row: { } row } s when row.Id.Value == id => new RunWrite(
                row,
                expected,
                s.InitialJobs,
                s.Uncommitted,
                s.Unsettled
            ),
            Stored<JobRecord> { Row: { } row } s when row.Id.Value == id => new JobWrite(row, expected, s.Uncommitted, s.Unsettled),
            Stored<ExecutionRecord> { Row: { } row } s when row.Id.Value == id => new ExecutionWrite(
                row,
                expected,
                s.Uncommitted,
                s.Unsettled
            ),
            Stored<RunRecord> or Stored<JobRecord> or Stored<ExecutionRecord> => throw new ArgumentException(
                $"Grain {grainId} must write its own row as {stateName}.",
                nameof(grainState)
            ),
            _ => throw Unsupported<T>(stateName),
        };
        await writer.WriteAsync(write);
        grainState.ETag = Tag(expected + 1);
        grainState.RecordExists = true;
    }

    /// <summary>Not supported: grains never delete history.</summary>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        throw new NotSupportedException($"{stateName} of {grainId} can't be cleared: runs, jobs and executions are never deleted.");

    private static void Set<T, TRow>(IGrainState<T> state, (TRow Row, int Version)? found)
        where TRow : class
    {
        state.State = (T)(object)new Stored<TRow> { Row = found?.Row };
        state.ETag = found is { } row ? Tag(row.Version) : null;
        state.RecordExists = found is not null;
    }

    private static string Tag(int version) => version.ToString(CultureInfo.InvariantCulture);

    private static NotSupportedException Unsupported<T>(string stateName) =>
        new(
            $"The storage '{StorageNames.Relational}' supports only Stored<RunRecord>, Stored<JobRecord> and Stored<ExecutionRecord>, "
                + $"but {stateName} is {typeof(T)}. Use '{StorageNames.Coordinators}'."
        );

    private async Task<(TRow, int)?> ReadAsync<TRow>(string table, Guid id, Func<NpgsqlDataReader, TRow> map)
    {
        var rows = await source.QueryAsync(
            $"SELECT * FROM {table} WHERE id = $1",
            r => (map(r), r.Number("version")),
            CancellationToken.None,
            Uuid(id)
        );
        return rows.Count == 0 ? null : rows[0];
    }

    private async Task<(JobRecord, int)?> ReadJobAsync(Guid id)
    {
        // Only the job's own grain writes these rows, so the two statements read the same state.
        if (await ReadAsync("jobs", id, RecordReading.Job) is not var (job, version))
        {
            return null;
        }

        var steps = await source.QueryAsync(
            "SELECT * FROM job_steps WHERE job_id = $1 ORDER BY job_attempt, position",
            RecordReading.Step,
            CancellationToken.None,
            Uuid(id)
        );
        return (job with { Steps = [.. steps] }, version);
    }
}
