using System.Globalization;
using System.Text;

namespace Shipinator.Encodings;

/// <summary>
/// The one rule for characters that a reader can't see. They make two names look the same, change the order in which a text is shown, or
/// control a terminal.
/// </summary>
internal static class InvisibleCharacters
{
    /// <summary>The first invisible or non-printable character, as <c>U+202E</c>; null when there is none.</summary>
    public static string? First(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value != ' ' && (IsInvisible(rune) || IsNotPrintable(rune)))
            {
                return string.Create(CultureInfo.InvariantCulture, $"U+{rune.Value:X4}");
            }
        }

        return null;
    }

    /// <summary>Control and format characters, line separators, lone surrogates, and letters and marks that show nothing.</summary>
    public static bool IsInvisible(Rune rune) =>
        IsBlank(rune)
        || Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.Surrogate;

    /// <summary>Private and unassigned characters, and every space but the common one.</summary>
    public static bool IsNotPrintable(Rune rune) =>
        Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned => true,
            UnicodeCategory.SpaceSeparator => rune.Value != ' ',
            _ => false,
        };

    /// <summary>Letters, marks and symbols by their Unicode category that show nothing.</summary>
    public static bool IsBlank(Rune rune) => rune.Value is 0x034F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or 0x2800 or 0x3164 or 0xFFA0;

    /// <summary>Characters that choose a variant of the one before them.</summary>
    public static bool IsVariationSelector(Rune rune) =>
        rune.Value is (>= 0xFE00 and <= 0xFE0F) or (>= 0x180B and <= 0x180F) or (>= 0xE0100 and <= 0xE01EF);

    /// <summary>Characters that change the order in which others are shown.</summary>
    public static bool IsReordering(Rune rune) =>
        rune.Value is 0x061C or 0x200E or 0x200F or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
}
