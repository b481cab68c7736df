using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema.Live;

/// <summary>
/// Listens to the notices of every committed batch on one connection and wakes this process's readers. A reader that is
/// slow finds all changes since its last look as one. A reader of all runs is given the empty <see cref="RunId"/> at the
/// start and after a lost connection: anything may have changed.
/// </summary>
public sealed partial class PostgresChangeFeed(NpgsqlDataSource source, TimeProvider time, ILogger<PostgresChangeFeed> logger) : IChangeFeed, IAsyncDisposable
{
    /// <summary>The channel of the database; a payload is a list of run ids without hyphens, separated by commas.</summary>
    internal const string ChannelName = "shipinator_runs";

    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<Subscriber, bool> _subscribers = new();
    private int _disposed;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _starting = new();
    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _listening;

    /// <summary>Ends when the database is listened to for the first time.</summary>
    internal Task Listening => _heard.Task;

    /// <inheritdoc/>
    public async IAsyncEnumerable<RunId> Changes(RunId? run, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        var subscriber = new Subscriber(run);
        _subscribers[subscriber] = true;
        try
        {
            lock (_starting)
            {
                _listening ??= Task.Run(ListenAsync, CancellationToken.None);
            }

            subscriber.WakeForAnything();
            while (true)
            {
                try
                {
                    if (!await subscriber.Signal.WaitToReadAsync(linked.Token))
                    {
                        yield break;
                    }
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    yield break;
                }

                foreach (var changed in subscriber.Take())
                {
                    yield return changed;
                }
            }
        }
        finally
        {
            _subscribers.TryRemove(subscriber, out _);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The container disposes it once for each name that it is registered under.
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _stop.CancelAsync();
        if (_listening is { } listening)
        {
            await listening;
        }

        _stop.Dispose();
    }

    private async Task ListenAsync()
    {
        var pause = TimeSpan.FromMilliseconds(100);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(_stop.Token);
                connection.Notification += (_, notice) => Spread(notice.Payload);
                await using (var listen = new NpgsqlCommand($"LISTEN {ChannelName}", connection))
                {
                    await listen.ExecuteNonQueryAsync(_stop.Token);
                }

                pause = TimeSpan.FromMilliseconds(100);
                foreach (var subscriber in _subscribers.Keys)
                {
                    subscriber.WakeForAnything();
                }

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
            catch (Exception e) when (DatabaseErrors.IsUnavailable(e) || e is PostgresException or InvalidOperationException)
            {
                Lost(logger, e.Message, pause);
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

    private void Spread(string payload)
    {
        foreach (var range in payload.AsSpan().Split(','))
        {
            if (!Guid.TryParseExact(payload.AsSpan()[range], "N", out var id))
            {
                continue;
            }

            foreach (var subscriber in _subscribers.Keys)
            {
                subscriber.Wake(new(id));
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The notices of changes can't be heard now ({Error}); trying again in {Pause}.")]
    private static partial void Lost(ILogger logger, string error, TimeSpan pause);

    private sealed class Subscriber(RunId? only)
    {
        private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        private readonly Lock _lock = new();
        private HashSet<RunId> _changed = [];

        public ChannelReader<bool> Signal => _signal.Reader;

        public void Wake(RunId run)
        {
            if (only is { } mine && mine != run)
            {
                return;
            }

            lock (_lock)
            {
                _changed.Add(run);
            }

            _signal.Writer.TryWrite(true);
        }

        public void WakeForAnything() => Wake(only ?? default);

        public HashSet<RunId> Take()
        {
            _signal.Reader.TryRead(out _);
            lock (_lock)
            {
                var taken = _changed;
                _changed = [];
                return taken;
            }
        }
    }
}
