using System.Net;

namespace Shipinator.Client;

/// <summary>
/// Decides whether and when to repeat a request while the server, or a proxy in front of it, is unavailable: with growing pauses (0.2 to
/// 5 s, with jitter), never before <c>Retry-After</c>, for at most <see cref="MaxOutage"/>. <see cref="RateLimitHandler"/> handles 429.
/// </summary>
internal sealed class ReconnectPolicy(TimeProvider time, Action<Exception>? connectionLost)
{
    /// <summary>How long the server may be unavailable before the caller gets the error: 5 min.</summary>
    public static readonly TimeSpan MaxOutage = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(5);
    private int _failures;
    private long _since;

    /// <summary>Whether an error is temporary: no connection, a broken connection, or a status that asks to try again later.</summary>
    public static bool IsTransient(Exception error) =>
        error switch
        {
            ShipinatorApiException
            {
                Status: HttpStatusCode.RequestTimeout
                    or HttpStatusCode.BadGateway
                    or HttpStatusCode.ServiceUnavailable
                    or HttpStatusCode.GatewayTimeout
            } => true,
            ShipinatorApiException => false,
            HttpRequestException or IOException => true,
            _ => false,
        };

    /// <summary>Call when data arrives: the next failure starts a new outage.</summary>
    public void Succeeded() => _failures = 0;

    /// <summary>Waits before the next attempt; false if the error is permanent or the outage has lasted too long.</summary>
    public async Task<bool> WaitAsync(Exception error, CancellationToken cancellationToken)
    {
        if (!IsTransient(error))
        {
            return false;
        }

        if (Count() == 1)
        {
            connectionLost?.Invoke(error);
        }

        if (time.GetElapsedTime(_since) >= MaxOutage)
        {
            return false;
        }

        await PauseAsync((error as ShipinatorApiException)?.RetryAfter, cancellationToken);
        return true;
    }

    /// <summary>Waits before reconnecting after a connection that ended without an error.</summary>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        Count();
        await PauseAsync(null, cancellationToken);
    }

    private int Count()
    {
        if (_failures == 0)
        {
            _since = time.GetTimestamp();
        }

        return ++_failures;
    }

    private async Task PauseAsync(TimeSpan? retryAfter, CancellationToken cancellationToken)
    {
        var pause = TimeSpan.FromMilliseconds(200 * Math.Pow(2, Math.Min(_failures - 1, 10)));
        pause = pause < MaxPause ? pause : MaxPause;
        pause *= 0.75 + (Random.Shared.NextDouble() / 2);
        await Task.Delay(retryAfter > pause ? retryAfter.Value : pause, time, cancellationToken);
    }
}
