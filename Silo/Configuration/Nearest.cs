namespace Shipinator.Silo.Configuration;

/// <summary>Finds the setting that was probably meant.</summary>
internal static class Nearest
{
    /// <summary>A sentence that names it. The last part of the name weighs most: a right name in the wrong section is found.</summary>
    public static string To(string key, IEnumerable<string> known)
    {
        var nearest = known.MinBy(k => (3 * DistanceOfLast(Last(key), Last(k))) + Distance(key, k));
        return $"The nearest that there is: {ShipinatorOptions.Section}:{nearest}.";
    }

    private static string Last(string key) => key[(key.LastIndexOf(':') + 1)..];

    /// <summary>A name that was cut short is nearer than the letters that it lacks.</summary>
    private static int DistanceOfLast(string written, string known) =>
        written.Length > 2 && known.StartsWith(written, StringComparison.OrdinalIgnoreCase)
            ? Math.Min(1, known.Length - written.Length)
            : Distance(written, known);

    /// <summary>How many letters must be changed, added or left out (Levenshtein), in whatever case.</summary>
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
