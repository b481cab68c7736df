using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema.Live;

/// <summary>
/// This process's ear at the database: one connection that listens to every channel of ours, and is made anew when it is lost.
/// </summary>
public sealed partial class PostgresNotices(NpgsqlDataSource source, TimeProvider time, ILogger<PostgresNotices> logger) : IAsyncDisposable
{
    /// <summary>Committed changes: run ids without hyphens, separated by commas.</summary>
    internal const string Runs = "shipinator_runs";

    /// <summary>Logs that grew: execution ids without hyphens, separated by commas.</summary>
    internal const string Logs = "shipinator_logs";

    /// <summary>Projects, repositories, pipelines or tokens changed; it says no more.</summary>
    internal const string Catalog = "shipinator_catalog";

    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _starting = new();
    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;
    private Task? _listening;

    /// <summary>A notice: its channel and an id of its payload.</summary>
    public event Action<string, Guid>? Heard;

    /// <summary>A project, repository, pipeline or token came, changed or went.</summary>
    public event Action? CatalogChanged;

    /// <summary>It listens from now on, for the first time or again: what was said before may have been missed.</summary>
    public event Action? Began;

    /// <summary>It listens no more, and tries to again: what is said now is not heard.</summary>
    public event Action? Ceased;

    /// <summary>Ends when the database is listened to for the first time.</summary>
    internal Task Listening => _heard.Task;

    /// <summary>Fires when it is disposed.</summary>
    internal CancellationToken Stopping => _stop.Token;

    /// <summary>Begins to listen, unless it does.</summary>
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
        var isHeard = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(_stop.Token);
                connection.Notification += (_, notice) => Spread(notice.Channel, notice.Payload);
                await using (var listen = new NpgsqlCommand($"LISTEN {Runs}; LISTEN {Logs}; LISTEN {Catalog}", connection))
                {
                    await listen.ExecuteNonQueryAsync(_stop.Token);
                }

                pause = TimeSpan.FromMilliseconds(100);
                isHeard = true;
                Began?.Invoke();
                _heard.TrySetResult();
                while (true)
                {
                    if (!await connection.WaitAsync(Heartbeat, _stop.Token))
                    {
                        // A connection that died without a word is found out only by asking.
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
                // Whatever it was: who listens no more hears nothing, and nobody would find out.
                Lost(logger, e.Message, pause);
                if (isHeard)
                {
                    isHeard = false;
                    Ceased?.Invoke();
                }

                try
                {
                    await Task.Delay(pause, time, _stop.Token);
                }
                catch (OperationCanceledException)
                {
                    return;
                }

                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    private void Spread(string channel, string payload)
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
                Heard?.Invoke(channel, id);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The notices of changes can't be heard now ({Error}); trying again in {Pause}.")]
    private static partial void Lost(ILogger logger, string error, TimeSpan pause);
}
