using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Npgsql;
using Orleans.Storage;
using Shipinator.Schema.Live;

namespace Shipinator.Schema.Storage;

/// <summary>Options of <see cref="GroupCommitWriter"/>.</summary>
public sealed record GroupCommitOptions
{
    /// <summary>The maximum number of queued writes; further callers wait.</summary>
    public int Capacity { get; init; } = 4096;

    /// <summary>The maximum number of writes per transaction.</summary>
    public int MaxBatch { get; init; } = 256;
}

/// <summary>
/// Writes everything that is queued in one transaction and one round trip, then completes each caller: many writes share one fsync. Nothing
/// is delayed to form a batch: a single write is sent immediately.
/// </summary>
public sealed partial class GroupCommitWriter : IAsyncDisposable
{
    // Prepared statements with one plan for every batch: by primary key, regardless of the current statistics.
    private const string Session =
        "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; "
        + "SET enable_mergejoin = off; SET jit = off";

    /// <summary>A notification must be shorter than 8,000 bytes; an id takes 33.</summary>
    private const int IdsPerNotification = 240;

    private readonly NpgsqlDataSource _source;
    private readonly ILogger<GroupCommitWriter> _logger;
    private readonly int _maxBatch;
    private readonly Channel<PendingWrite> _waiting;
    private readonly Task _loop;
    private NpgsqlConnection? _connection;

    /// <summary>Starts the loop, which ends when this is disposed, after the queued writes.</summary>
    public GroupCommitWriter(NpgsqlDataSource source, ILogger<GroupCommitWriter> logger, GroupCommitOptions? options = null)
    {
        options ??= new();
        _source = source;
        _logger = logger;
        _maxBatch = options.MaxBatch;
        _waiting = Channel.CreateBounded<PendingWrite>(
            new BoundedChannelOptions(options.Capacity) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true }
        );
        _loop = Task.Run(RunAsync);
    }

    /// <summary>The number of queued writes.</summary>
    internal int Waiting => _waiting.Reader.Count;

    /// <summary>
    /// Returns once the write is durable. Errors: <see cref="InconsistentStateException"/> when the row has another version,
    /// <see cref="StorageUnavailableException"/> (the outcome is then unknown: read again), <see cref="ShipinatorException"/>
    /// <c>storage_rejected</c> when the database rejects this write.
    /// </summary>
    internal async Task WriteAsync(PendingWrite write)
    {
        try
        {
            await _waiting.Writer.WriteAsync(write);
        }
        catch (ChannelClosedException)
        {
            throw new StorageUnavailableException("This silo is shutting down and accepts no more writes. Retry the call on another silo.");
        }

        await write.Done;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop;
        await DropConnectionAsync();
    }

    /// <summary>Ends only when this is disposed: otherwise all callers would wait forever.</summary>
    private async Task RunAsync()
    {
        var batch = new List<PendingWrite>(_maxBatch);
        while (await _waiting.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < _maxBatch && _waiting.Reader.TryRead(out var write))
            {
                batch.Add(write);
            }

            try
            {
                await CommitAsync(batch);
            }
            catch (Exception e)
            {
                // Unexpected: the outcome is unknown, and the callers must read again.
                batch.ForEach(w => w.Fail(DatabaseErrors.Unknown(e, w.What)));
                await DropConnectionAsync();
            }
        }
    }

    /// <summary>
    /// A lost database fails the whole batch. Any other error belongs to a single write: the batch is halved until the write is found.
    /// </summary>
    private async Task CommitAsync(List<PendingWrite> batch, bool again = false)
    {
        try
        {
            await ExecuteAsync(batch);
        }
        catch (Exception e) when (DatabaseErrors.IsUnavailable(e))
        {
            var error = DatabaseErrors.Unavailable(e);
            batch.ForEach(w => w.Fail(error));
            LogLost(_logger, e, batch.Count);
            await DropConnectionAsync();
            return;
        }
        catch (Exception e)
        {
            if (e is not (PostgresException or UnbuildableException))
            {
                await DropConnectionAsync();
            }

            if (batch.Count > 1)
            {
                var half = batch.Count / 2;
                await CommitAsync(batch[..half]);
                await CommitAsync(batch[half..]);
                return;
            }

            // A first write that lost a race may violate any unique key of the winner's rows; once the winner has committed, it is the id.
            // An error that is not the database's own may come from the state of the connection: a new one shows whether the write itself
            // is at fault.
            if (!again && e is not (UnbuildableException or PostgresException { SqlState: not PostgresErrorCodes.UniqueViolation }))
            {
                await CommitAsync(batch, again: true);
                return;
            }

            batch[0].Fail(Refusal(e, batch[0]));
            LogRefused(_logger, e, batch[0].What);
            return;
        }

        foreach (var write in batch)
        {
            write.Succeed();
        }
    }

    private static Exception Refusal(Exception error, PendingWrite write) =>
        error switch
        {
            PostgresException { SqlState: DatabaseErrors.VersionConflict }
            or PostgresException
            {
                SqlState: PostgresErrorCodes.UniqueViolation,
                ConstraintName: "state_transitions_pkey" or "jobs_pkey"
            } => new InconsistentStateException(
                $"{write.What} is no longer at version {write.Expected}: it was written by another activation."
            ),
            PostgresException refused => DatabaseErrors.Rejected(refused, write.What),
            _ => DatabaseErrors.Unwritable(error, write.What),
        };

    /// <summary>One round trip: without a transaction of its own, a batch is one implicit transaction.</summary>
    private async Task ExecuteAsync(List<PendingWrite> writes)
    {
        await using var batch = Build(writes);
        if (_connection is { FullState: not System.Data.ConnectionState.Open })
        {
            await DropConnectionAsync();
        }

        batch.Connection = _connection ??= await ConnectAsync();
        await batch.PrepareAsync();
        await batch.ExecuteNonQueryAsync();
    }

    /// <summary>Errors: <see cref="UnbuildableException"/> for any error; nothing has been sent to the database then.</summary>
    private static NpgsqlBatch Build(List<PendingWrite> writes)
    {
        try
        {
            var rows = new BatchRows();
            foreach (var write in writes)
            {
                write.AddTo(rows);
            }

            var batch = new NpgsqlBatch();
            Tables.FirstRun.AddTo(batch, rows.FirstRuns);
            Tables.NextRun.AddTo(batch, rows.NextRuns);
            Tables.FirstJob.AddTo(batch, rows.FirstJobs);
            Tables.NextJob.AddTo(batch, rows.NextJobs);
            Tables.Steps.AddTo(batch, rows.Steps);
            Tables.FirstExecution.AddTo(batch, rows.FirstExecutions);
            Tables.NextExecution.AddTo(batch, rows.NextExecutions);
            Tables.Transitions.AddTo(batch, rows.Transitions);
            Tables.Unsettled.AddTo(batch, rows.Unsettled);
            Tables.Settled.AddTo(batch, rows.Settled);
            foreach (var ids in rows.Changed.Chunk(IdsPerNotification))
            {
                batch.BatchCommands.Add(
                    new($"SELECT pg_notify('{PostgresListener.Runs}', $1)")
                    {
                        Parameters =
                        {
                            new NpgsqlParameter<string> { TypedValue = string.Join(',', ids.Select(i => i.Value.ToString("N"))) },
                        },
                    }
                );
            }

            return batch;
        }
        catch (Exception e)
        {
            throw new UnbuildableException(e);
        }
    }

    private async Task<NpgsqlConnection> ConnectAsync()
    {
        var connection = await _source.OpenConnectionAsync();
        try
        {
            await using var command = new NpgsqlCommand(Session, connection);
            await command.ExecuteNonQueryAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Never throws: a connection that can't be closed is abandoned, and a new one is opened.</summary>
    private async Task DropConnectionAsync()
    {
        var connection = _connection;
        _connection = null;
        try
        {
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }
        }
        catch (Exception e)
        {
            LogNotClosed(_logger, e);
        }
    }

    [LoggerMessage(2002, LogLevel.Debug, "Closing the connection of the group commit failed")]
    private static partial void LogNotClosed(ILogger logger, Exception error);

    [LoggerMessage(2003, LogLevel.Warning, "The database became unavailable during a batch of {Count} writes")]
    private static partial void LogLost(ILogger logger, Exception error, int count);

    [LoggerMessage(2004, LogLevel.Warning, "The write of {What} was rejected")]
    private static partial void LogRefused(ILogger logger, Exception error, string what);

    /// <summary>A write that can't be converted to a statement.</summary>
    private sealed class UnbuildableException(Exception cause) : Exception(cause.Message, cause);
}
