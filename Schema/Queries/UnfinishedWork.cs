using System.Runtime.CompilerServices;
using Npgsql;
using Shipinator.Schema.Storage;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>
/// Finds what is not terminal, a page at a time through the partial indexes that hold nothing else, and then what is not settled.
/// </summary>
public sealed class UnfinishedWork(NpgsqlDataSource source, GroupCommitWriter writer) : IUnfinishedWork
{
    private const int PageSize = 1000;

    private static readonly (Machine Machine, string Table, string Condition)[] Parts =
    [
        (Machine.Run, "pipeline_runs", "finished_at IS NULL"),
        (Machine.Job, "jobs", "finished_at IS NULL AND status = 'running'"),
        (Machine.Execution, "executions", "completed_at IS NULL"),
    ];

    /// <inheritdoc/>
    public async IAsyncEnumerable<UnfinishedItem> List([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var (machine, table, condition) in Parts)
        {
            var after = Guid.Empty;
            List<Guid> ids;
            do
            {
                ids = await source.QueryAsync(
                    $"SELECT id FROM {table} WHERE {condition} AND id > $1 ORDER BY id LIMIT {PageSize}",
                    r => r.GetGuid(0),
                    cancellationToken,
                    Uuid(after)
                );
                foreach (var id in ids)
                {
                    yield return new(machine, id);
                    after = id;
                }
            } while (ids.Count == PageSize);
        }

        var last = Guid.Empty;
        List<UnfinishedItem> ended;
        do
        {
            ended = await source.QueryAsync(
                $"SELECT id, machine FROM unsettled WHERE id > $1 ORDER BY id LIMIT {PageSize}",
                r => new UnfinishedItem(Words.ParseMachine(r.GetString(1)), r.GetGuid(0)),
                cancellationToken,
                Uuid(last)
            );
            foreach (var item in ended)
            {
                yield return item;
                last = item.Id;
            }
        } while (ended.Count == PageSize);
    }

    /// <inheritdoc/>
    public Task Settled(Guid id, CancellationToken cancellationToken) =>
        writer.WriteAsync(new SettledWrite(id)).WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<LeaseHolder>> Holders(string executorType, CancellationToken cancellationToken) =>
        await source.QueryAsync(
            """
            SELECT id, project_id, submitted_at FROM executions
            WHERE completed_at IS NULL AND status <> 'pending' AND executor_type = $1
            ORDER BY id
            """,
            r => new LeaseHolder(new(r.GetGuid(0)), new(r.GetGuid(1)), r.GetFieldValue<DateTimeOffset>(2)),
            cancellationToken,
            Text(executorType)
        );
}
