using System.Net;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>
/// Sends the log: first into a file, then to the server from there, with as many retries as needed. So an unreachable server
/// neither delays the command nor loses a byte, and memory use stays small.
/// </summary>
internal sealed class LogSpool : IAsyncDisposable
{
    private const int ChunkSize = 256 * 1024;
    private static readonly TimeSpan Coalesce = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);
    private readonly RunnerClient _client;
    private readonly TimeProvider _time;
    private readonly Action _onCancel;
    private readonly long? _maxBytes;
    private readonly SpoolFile _spool;
    private readonly LogTimestamps _clock;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly Task _sender;
    private long _sent;
    private long _lastResponse;
    private volatile bool _ended;
    private volatile bool _refused;
    private volatile bool _isFull;

    public LogSpool(string file, RunnerClient client, TimeProvider time, Action onCancel, long? maxBytes = null)
        : this(new SpoolFile(file), client, time, onCancel, maxBytes) { }

    internal LogSpool(SpoolFile spool, RunnerClient client, TimeProvider time, Action onCancel, long? maxBytes = null)
    {
        _maxBytes = maxBytes;
        _client = client;
        _time = time;
        _onCancel = onCancel;
        _spool = spool;
        _clock = new(time);
        _sender = Task.Run(SendAsync);
    }

    /// <summary>
    /// The time since the server's last response: a heartbeat is only needed when there was none for a while. Measured by the
    /// monotonic clock: a wall clock that is set back would stop the heartbeats.
    /// </summary>
    public TimeSpan SinceLastResponse => _time.GetElapsedTime(Volatile.Read(ref _lastResponse));

    /// <summary>Whether the log has reached its limit, so that further bytes need not be masked.</summary>
    public bool IsDropping => _isFull || _spool.Length > _maxBytes;

    /// <summary>
    /// Takes bytes that are masked already. Blocks only when the disk is full and the server is behind. Bytes beyond the log's
    /// limit are dropped: the server, which receives slightly more than it stores, notes that in the log.
    /// </summary>
    public void Write(ReadOnlyMemory<byte> bytes)
    {
        if (IsDropping)
        {
            return;
        }

        _clock.Mark(_spool.Length);
        _spool.Write(bytes.Span, Wake);
    }

    /// <summary>Returns when the server has acknowledged every byte, however long that takes.</summary>
    public async Task CompleteAsync()
    {
        _ended = true;
        Wake();
        await _sender;
    }

    public async ValueTask DisposeAsync()
    {
        await _spool.DisposeAsync();
        _signal.Dispose();
    }

    private void Wake()
    {
        try
        {
            _signal.Release();
        }
        catch (SemaphoreFullException)
        {
            // The sender is already signaled.
        }
    }

    private async Task SendAsync()
    {
        var buffer = new byte[ChunkSize];
        var failures = 0;
        while (!_refused)
        {
            if (_spool.Length == _sent)
            {
                if (_ended)
                {
                    return;
                }

                await _signal.WaitAsync();
                // Lines that are printed together are sent together.
                if (!_ended && _spool.Length - _sent < ChunkSize && SinceLastResponse < Coalesce)
                {
                    await _signal.WaitAsync(Coalesce);
                }

                continue;
            }

            var count = await _spool.ReadAsync(_sent, buffer);
            try
            {
                // A connection whose other end is gone never responds.
                using var timeout = new CancellationTokenSource(RequestTimeout, _time);
                var response = await _client.AppendLogAsync(
                    _sent,
                    buffer.AsMemory(0, count),
                    _clock.Between(_sent, _sent + count),
                    timeout.Token
                );
                _sent = Math.Min(response.Length, _spool.Length);
                _spool.Forget(_sent);
                _clock.Forget(_sent);
                failures = 0;
                Volatile.Write(ref _lastResponse, _time.GetTimestamp());
                if (response.Cancel)
                {
                    _onCancel();
                }

                if (response.LogFull)
                {
                    _isFull = true;
                    _spool.Close();
                    return;
                }
            }
            catch (HttpRequestException e)
                when (e.StatusCode is HttpStatusCode.Conflict && e.Message.Contains("log_gap", StringComparison.Ordinal))
            {
                // The server has less than it acknowledged; the file still has all.
                _sent = _spool.First;
                await Backoff.WaitAsync(++failures, _time);
            }
            catch (HttpRequestException e)
                when (e.StatusCode
                        is HttpStatusCode.Conflict
                            or HttpStatusCode.Unauthorized
                            or HttpStatusCode.Forbidden
                            or HttpStatusCode.NotFound
                            or HttpStatusCode.Gone
                )
            {
                // The server considers the execution ended, so these bytes would never be read.
                _refused = true;
                _spool.Close();
                _onCancel();
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                await Backoff.WaitAsync(++failures, _time);
            }
        }
    }
}

/// <summary>Exponential backoff with jitter, so that a recovering server is not overloaded.</summary>
internal static class Backoff
{
    /// <summary>From 100 ms, doubling, to 5 s.</summary>
    public static Task WaitAsync(int failures, TimeProvider time) =>
        Task.Delay(
            TimeSpan.FromMilliseconds(
                Math.Min(5000, 100 * Math.Pow(2, Math.Min(failures - 1, 10))) * (0.75 + (Random.Shared.NextDouble() / 2))
            ),
            time
        );
}
