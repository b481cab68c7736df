using System.Net;

namespace Shipinator.Client;

/// <summary>
/// How long and how often a request is repeated while the server, or a proxy before it, is away: with growing pauses (0.2 to
/// 5 s, with jitter), never before a <c>Retry-After</c>, until nothing has come for <see cref="Patience"/>.
/// </summary>
internal sealed class Reconnection(TimeProvider time, Action<Exception>? lost)
{
    /// <summary>How long the server may be away before the caller is told.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private int _failures;
    private long _since;

    /// <summary>Whether an error can pass by itself: no connection, a broken one, or a status that says "later".</summary>
    public static bool IsTransient(Exception error) =>
        error switch
        {
            ShipinatorApiException
            {
                Status: HttpStatusCode.RequestTimeout
                    or HttpStatusCode.TooManyRequests
                    or HttpStatusCode.BadGateway
                    or HttpStatusCode.ServiceUnavailable
                    or HttpStatusCode.GatewayTimeout
            } => true,
            ShipinatorApiException => false,
            HttpRequestException or IOException => true,
            _ => false,
        };

    /// <summary>Something came: the next failure is the first of a new outage.</summary>
    public void Succeeded() => _failures = 0;

    /// <summary>Waits before the next try; false when the error does not pass by itself or has lasted too long.</summary>
    public async Task<bool> WaitAsync(Exception error, CancellationToken cancellationToken)
    {
        if (!IsTransient(error))
        {
            return false;
        }

        if (Count() == 1)
        {
            lost?.Invoke(error);
        }

        if (time.GetElapsedTime(_since) >= Patience)
        {
            return false;
        }

        await PauseAsync((error as ShipinatorApiException)?.RetryAfter, cancellationToken);
        return true;
    }

    /// <summary>Waits before a connection that ended without an error is made again.</summary>
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
        pause = pause < LongestPause ? pause : LongestPause;
        pause *= 0.75 + (Random.Shared.NextDouble() / 2);
        await Task.Delay(retryAfter > pause ? retryAfter.Value : pause, time, cancellationToken);
    }
}
