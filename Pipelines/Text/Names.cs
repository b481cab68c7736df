using System.Globalization;
using System.Text;

namespace Shipinator.Pipelines;

/// <summary>
/// Which characters a display name may have: any printable character of any script. Invisible characters and those that change how
/// surrounding text is displayed (control, bidirectional, zero-width, unusual spaces) are refused: two names that look the same would
/// differ, and a name could rewrite the line that shows it.
/// </summary>
internal static class Names
{
    /// <summary>The longest name, in UTF-16 units.</summary>
    public const int Longest = 100;

    private const int EmojiStyle = 0xFE0F;

    /// <summary>Characters that Unicode classifies as letters, marks or symbols although they are invisible.</summary>
    private static readonly HashSet<int> Blanks = [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0];

    /// <summary>What is wrong with a name; null when it is valid, empty when "expected …" says enough.</summary>
    public static string? Problem(string name)
    {
        if (name.Length is 0 or > Longest)
        {
            return "";
        }

        if (name[0] == ' ' || name[^1] == ' ')
        {
            return "starts or ends with a space";
        }

        return HiddenCharacter(name) is { } hidden ? $"contains the invisible character {hidden}" : null;
    }

    /// <summary>The first invisible character, as <c>U+200B</c>; null when there is none.</summary>
    public static string? HiddenCharacter(string text)
    {
        var before = default(Rune);
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var isWhole = Rune.DecodeFromUtf16(rest, out var rune, out var length) == System.Buffers.OperationStatus.Done;
            if (!isWhole || IsHidden(rune, before))
            {
                return string.Create(CultureInfo.InvariantCulture, $"U+{(isWhole ? rune.Value : rest[0]):X4}");
            }

            before = rune;
            rest = rest[length..];
        }

        return null;
    }

    private static bool IsHidden(Rune rune, Rune before) =>
        Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.Control
            or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.PrivateUse
            or UnicodeCategory.Surrogate
            or UnicodeCategory.OtherNotAssigned => true,
            UnicodeCategory.SpaceSeparator => rune.Value != ' ',
            // An emoji may request its colored form; a mark needs a base character.
            UnicodeCategory.NonSpacingMark when rune.Value is >= 0xFE00 and <= EmojiStyle or >= 0x180B and <= 0x180F or >= 0xE0100 =>
                rune.Value != EmojiStyle
                    || Rune.GetUnicodeCategory(before) is not (UnicodeCategory.OtherSymbol or UnicodeCategory.MathSymbol),
            UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark => before.Value is 0 or ' ' || Blanks.Contains(rune.Value),
            _ => Blanks.Contains(rune.Value),
        };
}
