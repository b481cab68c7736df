using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema.Live;

/// <summary>
/// The news of logs, through the database: all logs of this silo that grew within a moment travel as one notice, at once after
/// a quiet time and then at most ten times a second, however many steps print.
/// </summary>
public sealed partial class PostgresLogNews : ILogNews, IAsyncDisposable
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    /// <summary>A payload is shorter than 8,000 bytes; an id takes 33.</summary>
    private const int MostIds = 240;

    private readonly NpgsqlDataSource _source;
    private readonly TimeProvider _time;
    private readonly ILogger<PostgresLogNews> _logger;
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sending;
    private HashSet<ExecutionId> _grown = [];
    private int _disposed;

    /// <summary>Listens and sends from now on.</summary>
    public PostgresLogNews(PostgresNotices notices, NpgsqlDataSource source, TimeProvider time, ILogger<PostgresLogNews> logger)
    {
        ArgumentNullException.ThrowIfNull(notices);
        (_source, _time, _logger) = (source, time, logger);
        notices.Heard += (channel, id) =>
        {
            if (channel == PostgresNotices.Logs)
            {
                Grew?.Invoke(new(id));
            }
        };
        notices.Start();
        _sending = Task.Run(SendAsync);
    }

    /// <inheritdoc/>
    public event Action<ExecutionId>? Grew;

    /// <inheritdoc/>
    public void Tell(ExecutionId execution)
    {
        lock (_lock)
        {
            _grown.Add(execution);
        }

        _signal.Writer.TryWrite(true);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _stop.CancelAsync();
        await _sending;
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        try
        {
            while (await _signal.Reader.WaitToReadAsync(_stop.Token))
            {
                _signal.Reader.TryRead(out _);
                HashSet<ExecutionId> grown;
                lock (_lock)
                {
                    (grown, _grown) = (_grown, []);
                }

                foreach (var ids in grown.Chunk(MostIds))
                {
                    await NotifyAsync(string.Join(',', ids.Select(i => i.Value.ToString("N"))));
                }

                await Task.Delay(Shortest, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The server stops; who follows a log reads it elsewhere.
        }
    }

    private async Task NotifyAsync(string payload)
    {
        try
        {
            await using var command = _source.CreateCommand($"SELECT pg_notify('{PostgresNotices.Logs}', $1)");
            command.Parameters.Add(new() { Value = payload });
            await command.ExecuteNonQueryAsync(_stop.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Only a hint: readers look by themselves, too.
            Untold(_logger, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Other silos can't be told now that logs grew: {Error}")]
    private static partial void Untold(ILogger logger, string error);
}
