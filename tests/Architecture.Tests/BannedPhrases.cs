using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>
/// Phrases that must not appear in sources and documents. A phrase is found whole, also when it continues on the next line of a
/// comment or a document, or in the next literal of a concatenation. A phrase in lower case matches any case, one with a capital
/// letter matches exactly; <c>*</c> at the end of a word stands for any further letters.
/// </summary>
internal sealed class BannedPhrases
{
    private readonly Regex _any;

    /// <param name="phrases">At least one, none of them blank; no punctuation is special except <c>*</c>.</param>
    public BannedPhrases(IReadOnlyList<string> phrases)
    {
        if (phrases.Count == 0 || phrases.Any(string.IsNullOrWhiteSpace))
        {
            throw new ArgumentException("There must be at least one phrase, and none may be blank.", nameof(phrases));
        }

        _any = new Regex(string.Join('|', phrases.Select(Pattern)), RegexOptions.Compiled | RegexOptions.CultureInvariant);
    }

    /// <summary>The phrases of a fenced block of a Markdown file: one per line, blank lines left out.</summary>
    /// <exception cref="InvalidOperationException">The file has no such block.</exception>
    public static IReadOnlyList<string> Read(string markdown, string block)
    {
        var fence = Regex.Match(
            markdown,
            $@"^```{Regex.Escape(block)}\n(?<lines>.*?)^```$",
            RegexOptions.Multiline | RegexOptions.Singleline
        );
        return fence.Success
            ? [.. fence.Groups["lines"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)]
            : throw new InvalidOperationException($"The glossary has no block ```{block}.");
    }

    /// <summary>Each phrase that a text contains, with its line from 1.</summary>
    public IEnumerable<(int Line, string Phrase)> Find(string text) =>
        _any.Matches(text).Select(m => (1 + text.AsSpan(0, m.Index).Count('\n'), Regex.Replace(m.Value, @"\s+", " ")));

    private static string Pattern(string phrase)
    {
        // Between two words: blanks, a line break with what begins the next comment line, or the end of a literal and the
        // beginning of the next one.
        const string Gap = """(?:\s*"\s*\+\s*[$@]*"\s*|[ \t]*\r?\n[ \t]*(?:///?|#|\*|>)?[ \t]*|[ \t]+)""";
        var words = phrase.Split(' ').Select(word => Regex.Escape(word).Replace(@"\*", @"\w*", StringComparison.Ordinal));
        var pattern = $@"(?<!\w){string.Join(Gap, words)}(?!\w)";
        return phrase.Any(char.IsUpper) ? pattern : $"(?i:{pattern})";
    }
}
