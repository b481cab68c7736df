using System.Collections.Concurrent;

namespace Shipinator.Forges.Api;

/// <summary>
/// Responses with an entity tag, for conditional requests: one that is not modified costs nothing of GitHub's rate limit. The forge decides
/// on each request, with its credential, whether the stored response may be used.
/// </summary>
internal sealed class ResponseCache
{
    private const int MostEntries = 200;
    private const int MostBytes = 256 * 1024;
    private readonly ConcurrentDictionary<string, (string Tag, ApiResponse Response)> _entries = new(StringComparer.Ordinal);

    /// <summary>The entity tag of a stored response; null when there is none.</summary>
    public string? Tag(string key) => _entries.TryGetValue(key, out var found) ? found.Tag : null;

    /// <summary>The stored response when the new one is 304 for its tag, else the new one, which is stored.</summary>
    public ApiResponse Resolve(string key, string? sentTag, ApiResponse response)
    {
        if (response.Status == 304)
        {
            return sentTag is not null && _entries.TryGetValue(key, out var found) && found.Tag == sentTag ? found.Response : response;
        }

        if (response.Status == 200 && response.Header("ETag") is { Length: > 0 and <= 200 } tag && response.Body.Length <= MostBytes)
        {
            if (_entries.Count >= MostEntries)
            {
                _entries.Clear();
            }

            _entries[key] = (tag, response);
        }

        return response;
    }
}
