using System.Globalization;
using System.Text;
using Shipinator.Encodings;

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

    private static bool IsHidden(Rune rune, Rune before)
    {
        if (InvisibleCharacters.IsVariationSelector(rune))
        {
            // An emoji may ask for its colored form.
            return rune.Value != EmojiStyle
                || Rune.GetUnicodeCategory(before) is not (UnicodeCategory.OtherSymbol or UnicodeCategory.MathSymbol);
        }

        return InvisibleCharacters.IsInvisible(rune)
            || InvisibleCharacters.IsNotPrintable(rune)
            // A mark needs something that it stands on.
            || (
                Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark && before.Value is 0 or ' '
            );
    }
}
