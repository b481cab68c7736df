using System.Buffers;
using System.Globalization;
using System.Text;
using Shipinator.Encodings;

namespace Shipinator.Cli.IO;

/// <summary>
/// Sanitizes text for terminals. Names, messages and logs come from repositories, steps and servers, so none of them may move the
/// cursor, change the title, or inject input into the shell.
/// </summary>
/// <remarks>
/// The text is read once from left to right and an ESC is never copied: a color sequence is parsed completely and rewritten from its
/// parameters. So the remaining text can't form a new sequence, and sanitizing is idempotent.
/// </remarks>
internal static class TerminalText
{
    private const char Escape = '\u001b';
    private static readonly SearchValues<char> Parameters = SearchValues.Create("0123456789;:");
    private static readonly SearchValues<char> StringEnds = SearchValues.Create("\u0007\u001b\u009c");

    /// <summary>Sanitizes a name or another short text to one line. Invisible characters are shown as <c>\u{202E}</c>.</summary>
    public static string Name(string? text) => Clean(text, Keep.Nothing);

    /// <summary>Sanitizes a message like <see cref="Name"/>, but keeps line breaks and tabs.</summary>
    public static string Message(string? text) => Clean(text, Keep.Lines);

    /// <summary>
    /// Sanitizes a log line. Control sequences are removed, except for colors (SGR) with <paramref name="keepColors"/>.
    /// Bidirectional control characters are shown as <c>\u{202E}</c>.
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

    /// <summary>Appends the sanitized character at an index; returns its length in UTF-16 code units.</summary>
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
                // Removed from logs, where they carry no information; shown in names, where they would deceive.
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
    /// The length of the control sequence that starts with an ESC or a C1 character (ECMA-48), at least 1, and its parameters if it sets
    /// a color (SGR), else null. An unterminated sequence extends to the end of the text.
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
                    // Incomplete: parse what follows on its own.
                    return at - start;
                }

                if (text[at] == 'm' && intermediate == at && text.AsSpan(from, at - from).IndexOfAnyExcept(Parameters) < 0)
                {
                    parameters = text[from..at];
                }

                return at + 1 - start;
            case ']' or 'P' or 'X' or '^' or '_':
                // A string, terminated by BEL, ESC \ or the C1 terminator. Any other ESC ends it as well and is parsed on its own.
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
