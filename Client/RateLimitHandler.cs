using System.Net;

namespace Shipinator.Client;

/// <summary>
/// Repeats requests that the server rejects with 429 (too many requests), after the pause that <c>Retry-After</c> asks for. No other code
/// handles 429. The caller gets the 429 if the body can't be sent twice, a pause is longer than <see cref="MaxPause"/>, or all pauses
/// together would exceed <see cref="ReconnectPolicy.MaxOutage"/>.
/// </summary>
internal sealed class RateLimitHandler(HttpMessageHandler inner, TimeProvider time) : DelegatingHandler(inner)
{
    /// <summary>The longest pause that is waited for without telling the user: 90 s.</summary>
    public static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan DefaultPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(100);

    /// <summary>The pause that a response asks for in seconds or as a date; null without one.</summary>
    public static TimeSpan? RequestedPause(HttpResponseMessage response, TimeProvider time)
    {
        var retryAfter = response.Headers.RetryAfter;
        return retryAfter?.Delta ?? (retryAfter?.Date - time.GetUtcNow());
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var waited = TimeSpan.Zero;
        while (true)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode != HttpStatusCode.TooManyRequests || request.Content is StreamContent)
            {
                return response;
            }

            var pause = RequestedPause(response, time) ?? DefaultPause;
            pause = pause < MinPause ? MinPause : pause;
            if (pause > MaxPause || waited + pause > ReconnectPolicy.MaxOutage)
            {
                return response;
            }

            response.Dispose();
            await Task.Delay(pause, time, cancellationToken);
            waited += pause;
        }
    }
}
