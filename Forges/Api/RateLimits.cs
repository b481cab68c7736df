using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Shipinator.Forges.Api;

/// <summary>
/// What forges say about the rate of requests. While a forge limits a credential, requests with it fail here at once: requests during
/// a limit prolong it.
/// </summary>
internal sealed class RateLimits(TimeProvider time)
{
    private const int MostRemembered = 1000;

    /// <summary>GitHub asks for at least a minute when a secondary limit comes without a time.</summary>
    private static readonly TimeSpan Unspecified = TimeSpan.FromMinutes(1);

    /// <summary>Limits are per hour; a later time is a mistake or an attack.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _until = new(StringComparer.Ordinal);

    /// <summary>Errors: <see cref="ForgeRequestException"/> <c>forge_rate_limited</c> while the credential is limited.</summary>
    public void Require(ApiAddress api, AuthenticationHeaderValue? authorization)
    {
        var key = Key(api, authorization);
        if (_until.TryGetValue(key, out var until))
        {
            if (until > time.GetUtcNow())
            {
                throw Limited(api, status: null, until - time.GetUtcNow());
            }

            _until.TryRemove(new(key, until));
        }
    }

    /// <summary>The error when a response says that the rate is limited, which is then remembered; null when it does not.</summary>
    public ForgeRequestException? Of(ApiAddress api, AuthenticationHeaderValue? authorization, ApiResponse response)
    {
        if (response.Status is not (403 or 429))
        {
            return null;
        }

        var pause = RetryAfter(response);
        if (response.Header("x-ratelimit-remaining") == "0" && Reset(response) is { } reset)
        {
            pause ??= reset;
        }

        if (pause is null && (response.Status == 429 || response.Text.Contains("secondary rate limit", StringComparison.OrdinalIgnoreCase)))
        {
            pause = Unspecified;
        }

        if (pause is not { } found)
        {
            return null;
        }

        found = Bounded(found);
        if (_until.Count >= MostRemembered)
        {
            _until.Clear();
        }

        // Responses to concurrent requests come in any order: the longest pause counts.
        var until = time.GetUtcNow() + found;
        _until.AddOrUpdate(Key(api, authorization), until, (_, known) => known > until ? known : until);
        return Limited(api, response.Status, found);
    }

    /// <summary>The header <c>Retry-After</c>, as seconds or a date; null when there is none.</summary>
    public TimeSpan? RetryAfter(ApiResponse response) =>
        response.Header("Retry-After") is not { } text || !RetryConditionHeaderValue.TryParse(text, out var value) ? null
        : value.Delta is { } delta ? Bounded(delta)
        : value.Date is { } date ? Bounded(date - time.GetUtcNow())
        : null;

    private TimeSpan? Reset(ApiResponse response) =>
        long.TryParse(response.Header("x-ratelimit-reset"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
        && seconds < 100_000_000_000
            ? DateTimeOffset.FromUnixTimeSeconds(seconds) - time.GetUtcNow()
            : null;

    private static TimeSpan Bounded(TimeSpan pause) =>
        pause < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1)
        : pause > Longest ? Longest
        : pause;

    private static ForgeRequestException Limited(ApiAddress api, int? status, TimeSpan pause) =>
        new(
            ForgeRequestException.RateLimited,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{api.Base.Host} limits the rate of requests; the next one is allowed in {Math.Ceiling(pause.TotalSeconds):0} s."
            ),
            isTransient: true,
            status,
            pause
        );

    private static string Key(ApiAddress api, AuthenticationHeaderValue? authorization) =>
        api.Base.AbsoluteUri + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(authorization?.ToString() ?? "")));
}
