using System.Net;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>
/// The log on its way: first into a file, then to the server from there, as often as it takes. So a server that is away
/// neither holds up the command nor costs a byte, and memory stays small.
/// </summary>
internal sealed class LogSpool : IAsyncDisposable
{
    private const int ChunkSize = 256 * 1024;
    private static readonly TimeSpan Coalesce = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly RunnerClient _client;
    private readonly TimeProvider _time;
    private readonly Action _onCancel;
    private readonly long? _mostBytes;
    private readonly SpoolFile _spool;
    private readonly LogClock _clock;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly Task _sender;
    private long _sent;
    private long _answered;
    private volatile bool _ended;
    private volatile bool _refused;
    private volatile bool _isFull;

    public LogSpool(string file, RunnerClient client, TimeProvider time, Action onCancel, long? mostBytes = null)
        : this(new SpoolFile(file), client, time, onCancel, mostBytes) { }

    internal LogSpool(SpoolFile spool, RunnerClient client, TimeProvider time, Action onCancel, long? mostBytes = null)
    {
        _mostBytes = mostBytes;
        _client = client;
        _time = time;
        _onCancel = onCancel;
        _spool = spool;
        _clock = new(time);
        _sender = Task.Run(SendAsync);
    }

    /// <summary>
    /// How long ago the server last answered: a heartbeat is only needed when it has not for a while. Not told by the wall clock: one
    /// that is set back would silence the runner.
    /// </summary>
    public TimeSpan SinceAnswer => _time.GetElapsedTime(Volatile.Read(ref _answered));

    /// <summary>
    /// Takes bytes that are masked already. Blocks only when the disk is full and the server is behind. What is beyond the log's limit
    /// is dropped: the server, which gets a little more than it keeps, says so in the log.
    /// </summary>
    public void Write(ReadOnlyMemory<byte> bytes)
    {
        if (_isFull || _spool.Length > _mostBytes)
        {
            return;
        }

        _clock.Mark(_spool.Length);
        _spool.Write(bytes.Span, Wake);
    }

    /// <summary>Returns when every byte was acknowledged, however long the server is away.</summary>
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
            // It is awake already.
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
                // Lines that come together travel together.
                if (!_ended && _spool.Length - _sent < ChunkSize && SinceAnswer < Coalesce)
                {
                    await _signal.WaitAsync(Coalesce);
                }

                continue;
            }

            var count = await _spool.ReadAsync(_sent, buffer);
            try
            {
                // A connection whose other end vanished never answers.
                using var patience = new CancellationTokenSource(Patience, _time);
                var answer = await _client.AppendLogAsync(
                    _sent,
                    buffer.AsMemory(0, count),
                    _clock.Between(_sent, _sent + count),
                    patience.Token
                );
                _sent = Math.Min(answer.Length, _spool.Length);
                _spool.Forget(_sent);
                _clock.Forget(_sent);
                failures = 0;
                Volatile.Write(ref _answered, _time.GetTimestamp());
                if (answer.Cancel)
                {
                    _onCancel();
                }

                if (answer.LogFull)
                {
                    _isFull = true;
                    _spool.Close();
                    return;
                }
            }
            catch (HttpRequestException e)
                when (e.StatusCode is HttpStatusCode.Conflict && e.Message.Contains("log_gap", StringComparison.Ordinal))
            {
                // A gap: the server has less than it said. It has not forgotten what is in this file.
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
                // The execution is over for the server: nobody will read these bytes.
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

/// <summary>Longer and longer waits, with jitter, so that a server that comes back is not overrun.</summary>
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
