using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema.Live;

/// <summary>
/// Notifies other silos, through the database, of logs that grew: all logs of this silo are combined into one notification, sent
/// immediately after an idle period and then at most ten times a second, however many steps print.
/// </summary>
public sealed partial class PostgresLogNotifier : ILogNotifier, IAsyncDisposable
{
    private static readonly TimeSpan MinInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>A payload must be shorter than 8,000 bytes; an id takes 33.</summary>
    private const int MaxIdsPerNotification = 240;

    private readonly NpgsqlDataSource _source;
    private readonly TimeProvider _time;
    private readonly ILogger<PostgresLogNotifier> _logger;
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sending;
    private HashSet<ExecutionId> _grown = [];
    private int _disposed;

    /// <summary>Starts to listen and to send.</summary>
    public PostgresLogNotifier(PostgresListener listener, NpgsqlDataSource source, TimeProvider time, ILogger<PostgresLogNotifier> logger)
    {
        ArgumentNullException.ThrowIfNull(listener);
        (_source, _time, _logger) = (source, time, logger);
        listener.Notified += (channel, id) =>
        {
            if (channel == PostgresListener.Logs)
            {
                Grew?.Invoke(new(id));
            }
        };
        listener.Start();
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

                foreach (var ids in grown.Chunk(MaxIdsPerNotification))
                {
                    await NotifyAsync(string.Join(',', ids.Select(i => i.Value.ToString("N"))));
                }

                await Task.Delay(MinInterval, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The server is shutting down.
        }
    }

    private async Task NotifyAsync(string payload)
    {
        try
        {
            await using var command = _source.CreateCommand($"SELECT pg_notify('{PostgresListener.Logs}', $1)");
            command.Parameters.Add(new() { Value = payload });
            await command.ExecuteNonQueryAsync(_stop.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Only a hint: readers also poll.
            NotificationFailed(_logger, e.Message);
        }
    }

    [LoggerMessage(2101, LogLevel.Debug, "Notifying other silos of log growth failed: {Error}")]
    private static partial void NotificationFailed(ILogger logger, string error);
}
