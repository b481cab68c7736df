using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Shipinator.Forges.Api;

/// <summary>
/// Responses with an entity tag, for conditional requests: one that is not modified costs nothing of GitHub's rate limit. The forge decides
/// on each request, with its credential, whether the stored response may be used.
/// </summary>
internal sealed class ResponseCache
{
    private const int MostEntries = 200;
    private const int MostBytes = 256 * 1024;
    private const int LongestTag = 200;
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The key of an address as a credential sees it; the credential itself is not part of it.</summary>
    public static string Key(Uri address, AuthenticationHeaderValue? authorization) =>
        $"{address.AbsoluteUri} {Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(authorization?.ToString() ?? "")))}";

    /// <summary>A stored response, to be given to <see cref="Resolve"/>; null when there is none.</summary>
    public Entry? Find(string key) => _entries.GetValueOrDefault(key);

    /// <summary>The response whose tag was sent when the new one is 304, else the new one, which is stored.</summary>
    public ApiResponse Resolve(string key, Entry? sent, ApiResponse response)
    {
        if (response.Status == 304)
        {
            return sent?.Response ?? response;
        }

        if (response.Status == 200 && response.Header("ETag") is { } tag && IsTag(tag) && response.Body.Length <= MostBytes)
        {
            if (_entries.Count >= MostEntries)
            {
                _entries.Clear();
            }

            _entries[key] = new(tag, response);
        }

        return response;
    }

    /// <summary>Anything else could not be sent back.</summary>
    private static bool IsTag(string tag) => tag.Length is > 0 and <= LongestTag && tag.All(c => c is >= ' ' and <= '~');

    /// <summary>A stored response.</summary>
    internal sealed record Entry(string Tag, ApiResponse Response);
}
