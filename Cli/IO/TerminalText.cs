using System.Buffers;
using System.Globalization;
using System.Text;
using Shipinator.Encodings;

namespace Shipinator.Cli.IO;

/// <summary>
/// The one place that decides which characters reach a terminal. Names, messages and logs come from repositories, steps and
/// servers, so none of them may move the cursor, change the title, or make the terminal type into the shell.
/// </summary>
/// <remarks>
/// The text is read once from left to right and an ESC is never copied: a color is parsed whole and written anew from its
/// parameters. So what is left can't combine into a new sequence, and cleaning a clean text changes nothing.
/// </remarks>
internal static class TerminalText
{
    private const char Escape = '\u001b';
    private static readonly SearchValues<char> Parameters = SearchValues.Create("0123456789;:");
    private static readonly SearchValues<char> StringEnds = SearchValues.Create("\u0007\u001b\u009c");

    /// <summary>A name or another short text: one line in which everything invisible is shown as <c>\u{202E}</c>.</summary>
    public static string Name(string? text) => Clean(text, Keep.Nothing);

    /// <summary>A message: the same, but lines and tabs stay.</summary>
    public static string Message(string? text) => Clean(text, Keep.Lines);

    /// <summary>
    /// A line of a log. Control sequences are left out whole; with <paramref name="keepColors"/> colors (SGR) stay.
    /// Characters that reorder text are shown as <c>\u{202E}</c>.
    /// </summary>
    public static string Log(string line, bool keepColors)
    {
        var clean = new StringBuilder(line.Length);
        for (var i = 0; i < line.Length; )
        {
            var c = line[i];
            if (c is Escape or (>= '\u0080' and <= '\u009f'))
            {
                var length = SequenceLength(line, i, out var parameters);
                if (keepColors && parameters is not null)
                {
                    clean.Append(Escape).Append('[').Append(parameters).Append('m');
                }

                i += length;
                continue;
            }

            i += Append(clean, line, i, Keep.Log);
        }

        return clean.ToString();
    }

    private static string Clean(string? text, Keep keep)
    {
        if (text is null)
        {
            return "";
        }

        var clean = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; )
        {
            i += Append(clean, text, i, keep);
        }

        return clean.ToString();
    }

    /// <summary>Appends the character at a place as it may be shown; returns how many UTF-16 units it has.</summary>
    private static int Append(StringBuilder clean, string text, int at, Keep keep)
    {
        if (!Rune.TryGetRuneAt(text, at, out var rune))
        {
            clean.Append('\ufffd');
            return 1;
        }

        switch (rune.Value)
        {
            case '\t' when keep != Keep.Nothing:
            case '\n' when keep == Keep.Lines:
                clean.Append((char)rune.Value);
                break;
            case '\r' when keep == Keep.Lines && at + 1 < text.Length && text[at + 1] == '\n':
                break;
            case var value when Rune.IsControl(rune):
                // In a log a lone control character says nothing to a reader; in a name it is a trap to be seen.
                _ = keep == Keep.Log ? clean : Show(clean, value);
                break;
            case var value
                when keep == Keep.Log
                    ? InvisibleCharacters.IsReordering(rune)
                    : InvisibleCharacters.IsInvisible(rune)
                        || InvisibleCharacters.IsNotPrintable(rune)
                        || InvisibleCharacters.IsVariationSelector(rune):
                Show(clean, value);
                break;
            default:
                clean.Append(text, at, rune.Utf16SequenceLength);
                break;
        }

        return rune.Utf16SequenceLength;
    }

    private static StringBuilder Show(StringBuilder clean, int value) => clean.Append(CultureInfo.InvariantCulture, $"\\u{{{value:X4}}}");

    /// <summary>
    /// The length of the control sequence that begins with an ESC or a C1 character (ECMA-48), at least 1; the parameters when
    /// it sets a color (SGR), else null. One that does not end, ends with the text.
    /// </summary>
    private static int SequenceLength(string text, int start, out string? parameters)
    {
        parameters = null;
        var at = start + 1;
        char kind;
        if (text[start] != Escape)
        {
            kind = (char)(text[start] - 0x40);
        }
        else if (at < text.Length && text[at] is > ' ' and <= '~')
        {
            kind = text[at++];
        }
        else if (at < text.Length && text[at] is ' ')
        {
            kind = ' ';
        }
        else
        {
            return 1;
        }

        switch (kind)
        {
            case '[':
                var from = at;
                at = Skip(text, at, '0', '?');
                var intermediate = at;
                at = Skip(text, at, ' ', '/');
                if (at == text.Length || text[at] is < '@' or > '~')
                {
                    // Not a whole sequence: what follows is read anew.
                    return at - start;
                }

                if (text[at] == 'm' && intermediate == at && text.AsSpan(from, at - from).IndexOfAnyExcept(Parameters) < 0)
                {
                    parameters = text[from..at];
                }

                return at + 1 - start;
            case ']' or 'P' or 'X' or '^' or '_':
                // A string up to BEL, ESC \ or the C1 terminator; another ESC ends it, too, and is read anew.
                var end = text.AsSpan(at).IndexOfAny(StringEnds);
                return end < 0 ? text.Length - start
                    : text[at + end] == Escape && at + end + 1 < text.Length && text[at + end + 1] == '\\' ? at + end + 2 - start
                    : text[at + end] == Escape ? at + end - start
                    : at + end + 1 - start;
            case >= ' ' and <= '/':
                at = Skip(text, at, ' ', '/');
                return Math.Min(at + (at < text.Length && text[at] is >= '0' and <= '~' ? 1 : 0), text.Length) - start;
            default:
                return at - start;
        }
    }

    private static int Skip(string text, int at, char first, char last)
    {
        while (at < text.Length && text[at] >= first && text[at] <= last)
        {
            at++;
        }

        return at;
    }

    private enum Keep
    {
        Nothing,
        Lines,
        Log,
    }
}
