using System.Globalization;
using System.Text;
using Shipinator.Encodings;

namespace Shipinator.Pipelines;

/// <summary>
/// Invisible characters: control characters can move a terminal's cursor or change its title; bidirectional and zero-width ones make one
/// name look like another.
/// </summary>
internal static class Characters
{
    /// <summary>The first such character; null when there is none.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="isText">Whether tabs and line breaks are allowed.</param>
    public static (int Index, string Name)? FindInvisible(string text, bool isText)
    {
        var index = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (InvisibleCharacters.IsInvisible(rune) && !(isText && rune.Value is '\t' or '\n' or '\r'))
            {
                return (index, Name(rune));
            }

            index += rune.Utf16SequenceLength;
        }

        return null;
    }

    /// <summary>The text with escapes such as <c>\u001B</c> for invisible characters.</summary>
    public static string Show(string text)
    {
        if (FindInvisible(text, isText: false) is not { Index: var first })
        {
            return text;
        }

        var shown = new StringBuilder(text, 0, first, text.Length + 16);
        foreach (var rune in text[first..].EnumerateRunes())
        {
            if (InvisibleCharacters.IsInvisible(rune))
            {
                shown.Append(
                    rune.Value switch
                    {
                        '\t' => "\\t",
                        '\n' => "\\n",
                        '\r' => "\\r",
                        var v and <= 0xFFFF => string.Create(CultureInfo.InvariantCulture, $"\\u{v:X4}"),
                        var v => string.Create(CultureInfo.InvariantCulture, $"\\U{v:X8}"),
                    }
                );
            }
            else
            {
                shown.Append(rune.ToString());
            }
        }

        return shown.ToString();
    }

    private static string Name(Rune rune) =>
        string.Create(CultureInfo.InvariantCulture, $"U+{rune.Value:X4}")
        + rune.Value switch
        {
            '\t' => " (tab)",
            '\n' or '\r' => " (line break)",
            0 => " (NUL)",
            0x1B => " (escape)",
            _ when InvisibleCharacters.IsReordering(rune) => " (changes the direction of text)",
            _ => "",
        };
}
