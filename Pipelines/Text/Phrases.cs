namespace Shipinator.Pipelines;

/// <summary>Helpers for error messages.</summary>
internal static class Phrases
{
    private const int ShownLength = 60;
    private const int MostWords = 20;

    /// <summary>The text on one line, shortened for a message, with invisible characters escaped.</summary>
    public static string Shorten(string text)
    {
        // Only the kept part is examined: a value may have a million characters.
        var isLong = text.Length > ShownLength + 1;
        var cut = isLong ? text[..(char.IsHighSurrogate(text[ShownLength - 1]) ? ShownLength - 1 : ShownLength)] : text;
        var line = Characters.Show(cut.ReplaceLineEndings(" "));
        return isLong || line.Length > 2 * ShownLength ? line[..Math.Min(line.Length, 2 * ShownLength)] + "…" : line;
    }

    /// <summary>The words, separated by commas.</summary>
    public static string List(IEnumerable<string> words) => string.Join(", ", words);

    /// <summary>What may stand in place of an unknown word; <paramref name="none"/> when nothing may.</summary>
    public static string Expected(IReadOnlyCollection<string> words, string none) =>
        words.Count == 0 ? none : $"Expected one of {List(words)}.";

    /// <summary>The first words, each shortened, separated by commas: for lists of any length from a file.</summary>
    public static string Some(IReadOnlyCollection<string> words) =>
        List(words.Take(MostWords).Select(Shorten)) + (words.Count > MostWords ? $", … ({words.Count} in all)" : "");

    /// <summary>" Did you mean 'x'?" when one of the words is similar; otherwise empty.</summary>
    public static string DidYouMean(string text, IEnumerable<string> words)
    {
        var near = words
            .Select(w => (Word: w, Distance: Distance(text, w)))
            .Where(c => c.Distance <= Math.Min(text.Length, c.Word.Length) / 3)
            .OrderBy(c => c.Distance)
            .ThenBy(c => c.Word, StringComparer.Ordinal)
            .Select(c => c.Word)
            .FirstOrDefault();
        return near is null ? "" : $" Did you mean '{near}'?";
    }

    /// <summary>NUL and unpaired surrogates, which no environment variable, argument or jsonb can hold.</summary>
    public static bool HasForbiddenCharacter(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0' || char.IsLowSurrogate(text[i]))
            {
                return true;
            }

            if (char.IsHighSurrogate(text[i]) && (++i == text.Length || !char.IsLowSurrogate(text[i])))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The edit distance, ignoring case, with a swap of adjacent characters as one edit; large for long texts.</summary>
    private static int Distance(string left, string right)
    {
        if (Math.Abs(left.Length - right.Length) > 4 || left.Length > ShownLength)
        {
            return int.MaxValue;
        }

        var d = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
        {
            d[i, 0] = i;
        }

        for (var j = 0; j <= right.Length; j++)
        {
            d[0, j] = j;
        }

        for (var i = 1; i <= left.Length; i++)
        {
            for (var j = 1; j <= right.Length; j++)
            {
                var same = char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]);
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[left.Length, right.Length];
    }
}
