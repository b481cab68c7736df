using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema.Live;

/// <summary>
/// Receives the database's notifications for this process: one connection that listens to all channels and is reopened when it is lost.
/// </summary>
public sealed partial class PostgresListener(NpgsqlDataSource source, TimeProvider time, ILogger<PostgresListener> logger)
    : IAsyncDisposable
{
    /// <summary>Committed changes: run ids without hyphens, separated by commas.</summary>
    internal const string Runs = "shipinator_runs";

    /// <summary>Logs that grew: execution ids without hyphens, separated by commas.</summary>
    internal const string Logs = "shipinator_logs";

    /// <summary>Projects, repositories, pipelines or tokens changed; no payload.</summary>
    internal const string Catalog = "shipinator_catalog";

    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _starting = new();
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;
    private Task? _listening;

    /// <summary>A notification: its channel and an id of its payload.</summary>
    public event Action<string, Guid>? Notified;

    /// <summary>A project, repository, pipeline or token was created, changed or deleted.</summary>
    public event Action? CatalogChanged;

    /// <summary>The connection is listening, for the first time or again; earlier notifications may have been missed.</summary>
    public event Action? Connected;

    /// <summary>The connection was lost and is being reopened; notifications are missed meanwhile.</summary>
    public event Action? Disconnected;

    /// <summary>Completes when the connection listens for the first time.</summary>
    internal Task FirstConnected => _connected.Task;

    /// <summary>Canceled when this is disposed.</summary>
    internal CancellationToken Stopping => _stop.Token;

    /// <summary>Starts to listen; repeated calls have no effect.</summary>
    public void Start()
    {
        lock (_starting)
        {
            _listening ??= Task.Run(ListenAsync, CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _stop.CancelAsync();
        if (_listening is { } listening)
        {
            await listening;
        }
    }

    private async Task ListenAsync()
    {
        var pause = TimeSpan.FromMilliseconds(100);
        var isConnected = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(_stop.Token);
                connection.Notification += (_, notification) => Dispatch(notification.Channel, notification.Payload);
                await using (var listen = new NpgsqlCommand($"LISTEN {Runs}; LISTEN {Logs}; LISTEN {Catalog}", connection))
                {
                    await listen.ExecuteNonQueryAsync(_stop.Token);
                }

                pause = TimeSpan.FromMilliseconds(100);
                if (!isConnected && FirstConnected.IsCompleted)
                {
                    Restored(logger);
                }

                isConnected = true;
                Connected?.Invoke();
                _connected.TrySetResult();
                while (true)
                {
                    if (!await connection.WaitAsync(Heartbeat, _stop.Token))
                    {
                        // Only a query detects a connection that died silently.
                        await using var ask = new NpgsqlCommand("SELECT 1", connection);
                        await ask.ExecuteNonQueryAsync(_stop.Token);
                    }
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Catch any error: without reconnecting, no further notification would arrive.
                Lost(logger, e.Message, pause);
                if (isConnected)
                {
                    isConnected = false;
                    Disconnected?.Invoke();
                }

                try
                {
                    await Task.Delay(pause, time, _stop.Token);
                }
                catch (OperationCanceledException)
                {
                    return;
                }

                pause = pause * 2 < MaxRetryDelay ? pause * 2 : MaxRetryDelay;
            }
        }
    }

    private void Dispatch(string channel, string payload)
    {
        if (channel == Catalog)
        {
            CatalogChanged?.Invoke();
            return;
        }

        foreach (var range in payload.AsSpan().Split(','))
        {
            if (Guid.TryParseExact(payload.AsSpan()[range], "N", out var id))
            {
                Notified?.Invoke(channel, id);
            }
        }
    }

    [LoggerMessage(2102, LogLevel.Warning, "Listening for database notifications failed: {Error}; retrying in {Delay}")]
    private static partial void Lost(ILogger logger, string error, TimeSpan delay);

    [LoggerMessage(2103, LogLevel.Information, "Listening for database notifications again")]
    private static partial void Restored(ILogger logger);
}
