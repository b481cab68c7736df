using System.Net;

namespace Shipinator.Client;

/// <summary>
/// Asks again, when the server answered that too much was asked (429), after the time that it names. What can't be sent twice, and a
/// server that names a long time, is told to the caller.
/// </summary>
internal sealed class RetryAfterHandler(HttpMessageHandler inner, TimeProvider time) : DelegatingHandler(inner)
{
    /// <summary>Longer than this nobody waits without knowing why.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(90);

    private const int Times = 3;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        for (var tries = 0; ; tries++)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (
                response.StatusCode != HttpStatusCode.TooManyRequests
                || tries == Times
                || request.Content is StreamContent
                || Wait(response) is not { } wait
            )
            {
                return response;
            }

            response.Dispose();
            await Task.Delay(wait, time, cancellationToken);
        }
    }

    /// <summary>Null: longer than anybody waits.</summary>
    private TimeSpan? Wait(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter;
        var wait = asked?.Delta ?? (asked?.Date - time.GetUtcNow()) ?? TimeSpan.FromSeconds(1);
        return wait > Longest ? null
            : wait < TimeSpan.FromMilliseconds(100) ? TimeSpan.FromMilliseconds(100)
            : wait;
    }
}
