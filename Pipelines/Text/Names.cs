using System.Globalization;
using System.Text;
using Shipinator.Encodings;

namespace Shipinator.Pipelines;

/// <summary>
/// What a name that people read may be made of: any printable character of any script. Refused is what can't be seen or what
/// changes how the text around it is shown (control and bidirectional characters, zero-width ones, odd blanks): two names
/// that look the same would be different, and a name could rewrite the line that shows it.
/// </summary>
internal static class Names
{
    /// <summary>The longest name, in UTF-16 units.</summary>
    public const int Longest = 100;

    private const int EmojiStyle = 0xFE0F;

    /// <summary>What is wrong with a name; null when nothing is, an empty text when "expected …" says enough.</summary>
    public static string? Problem(string name)
    {
        if (name.Length is 0 or > Longest)
        {
            return "";
        }

        if (name[0] == ' ' || name[^1] == ' ')
        {
            return "begins or ends with a blank";
        }

        return HiddenCharacter(name) is { } hidden ? $"holds the character {hidden}, which can't be seen" : null;
    }

    /// <summary>The first character that can't be seen, as <c>U+200B</c>; null when every one of them shows something.</summary>
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
