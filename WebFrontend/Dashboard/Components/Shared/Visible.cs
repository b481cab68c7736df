using System.Globalization;
using System.Text;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>
/// Makes hidden characters in names visible: characters that reorder the surrounding text, have no width or look like a space are shown
/// as their code point, so that no name can imitate another one.
/// </summary>
internal static class Visible
{
    /// <summary>Letters and symbols, by category, that render as blank.</summary>
    private static readonly int[] Blank = [0x115f, 0x1160, 0x2800, 0x3164, 0xffa0, 0x034f, 0x17b4, 0x17b5];

    /// <summary>For text on a single line.</summary>
    public static string Text(string? text) => Show(text, hasLines: false);

    /// <summary>For text that may have several lines: line breaks and tabs are kept.</summary>
    public static string Lines(string? text) => Show(text, hasLines: true);

    private static string Show(string? text, bool hasLines)
    {
        if (string.IsNullOrEmpty(text) || text.All(char.IsAsciiLetterOrDigit))
        {
            return text ?? "";
        }

        var shown = new StringBuilder(text.Length);
        var before = default(Rune);
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsHidden(rune, before) && !(hasLines && (rune.Value is '\n' or '\t' or '\r')))
            {
                shown.Append(CultureInfo.InvariantCulture, $"⟨U+{rune.Value:X4}⟩");
            }
            else
            {
                shown.Append(rune.ToString());
            }

            before = rune;
        }

        return shown.ToString();
    }

    private static bool IsHidden(Rune rune, Rune before) =>
        Rune.GetUnicodeCategory(rune) switch
        {
            // A zero-width joiner is legitimate between emoji only.
            UnicodeCategory.Format when rune.Value == 0x200d => !IsEmoji(before),
            UnicodeCategory.NonSpacingMark when rune.Value is >= 0xfe00 and <= 0xfe0f => !IsEmoji(before),
            UnicodeCategory.NonSpacingMark when rune.Value is >= 0xe0100 and <= 0xe01ef => true,
            UnicodeCategory.Control
            or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned => true,
            UnicodeCategory.SpaceSeparator => rune.Value != ' ',
            _ => Array.IndexOf(Blank, rune.Value) >= 0,
        };

    private static bool IsEmoji(Rune rune) =>
        rune.Value is >= 0xfe00 and <= 0xfe0f
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.OtherSymbol or UnicodeCategory.ModifierSymbol;
}
