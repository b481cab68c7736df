namespace Shipinator.Silo.Configuration;

/// <summary>Finds the setting that was probably meant by an unknown key.</summary>
internal static class KeySuggestion
{
    /// <summary>
    /// The most similar known key. The last segment has the most weight, so that a right name in a wrong section is found.
    /// </summary>
    public static string For(string key, IEnumerable<string> known) =>
        known.MinBy(k => (3 * LastSegmentDistance(LastSegment(key), LastSegment(k))) + Distance(key, k))!;

    private static string LastSegment(string key) => key[(key.LastIndexOf(':') + 1)..];

    /// <summary>A truncated name is closer than the number of its missing letters.</summary>
    private static int LastSegmentDistance(string written, string known) =>
        written.Length > 2 && known.StartsWith(written, StringComparison.OrdinalIgnoreCase)
            ? Math.Min(1, known.Length - written.Length)
            : Distance(written, known);

    /// <summary>The Levenshtein distance, ignoring case.</summary>
    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var same = char.ToUpperInvariant(left[i - 1]) == char.ToUpperInvariant(right[j - 1]);
                var next = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (same ? 0 : 1));
                diagonal = row[j];
                row[j] = next;
            }
        }

        return row[^1];
    }
}
