using System.Runtime.CompilerServices;
using Npgsql;
using Shipinator.Schema.Storage;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>
/// Finds rows by state, a page at a time through the partial indexes that hold only what is not terminal, and then what is not settled.
/// </summary>
public sealed class UnfinishedWork(NpgsqlDataSource source, GroupCommitWriter writer) : IUnfinishedWork
{
    private const int PageSize = 1000;

    /// <inheritdoc/>
    public async IAsyncEnumerable<UnfinishedItem> List(
        IReadOnlyList<MachineStates> states,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(states);
        foreach (var (machine, wanted) in states)
        {
            // The condition on the end is the partial index's.
            var (table, unfinished) = machine switch
            {
                Machine.Run => ("pipeline_runs", "finished_at IS NULL"),
                Machine.Job => ("jobs", "finished_at IS NULL"),
                Machine.Execution => ("executions", "completed_at IS NULL"),
                _ => throw new ArgumentException($"Rows of the machine '{machine.Word()}' can't be listed.", nameof(states)),
            };
            var after = Guid.Empty;
            List<Guid> ids;
            do
            {
                ids = await source.QueryAsync(
                    $"SELECT id FROM {table} WHERE {unfinished} AND status = ANY ($2) AND id > $1 ORDER BY id LIMIT {PageSize}",
                    r => r.GetGuid(0),
                    cancellationToken,
                    Uuid(after),
                    Texts(wanted.Select(s => s.Word()))
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
    public async Task<IReadOnlyList<SlotHolder>> Holders(
        string executorType,
        IReadOnlyCollection<Status> states,
        CancellationToken cancellationToken
    ) =>
        await source.QueryAsync(
            """
            SELECT id, project_id, submitted_at FROM executions
            WHERE completed_at IS NULL AND status = ANY ($2) AND executor_type = $1
            ORDER BY id
            """,
            r => new SlotHolder(new(r.GetGuid(0)), new(r.GetGuid(1)), r.GetFieldValue<DateTimeOffset>(2)),
            cancellationToken,
            Text(executorType),
            Texts(states.Select(s => s.Word()))
        );
}
