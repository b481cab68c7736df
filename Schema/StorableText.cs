namespace Shipinator.Schema;

/// <summary>Which text PostgreSQL can hold: any but NUL characters and halves of surrogate pairs.</summary>
public static class StorableText
{
    /// <summary>The code of the error for any other.</summary>
    public const string Code = "text_malformed";

    /// <summary>What is wrong with it, as the end of a sentence; null when nothing is.</summary>
    public static string? Flaw(ReadOnlySpan<char> text)
    {
        if (text.IndexOfAnyInRange('\ud800', '\udfff') is var at and >= 0)
        {
            for (var i = at; i < text.Length; i++)
            {
                if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                {
                    i++;
                }
                else if (char.IsSurrogate(text[i]))
                {
                    return $"holds half of a surrogate pair (U+{((int)text[i]).ToString("X4", System.Globalization.CultureInfo.InvariantCulture)}) at character {i + 1}, which is no text";
                }
            }
        }

        return text.IndexOf('\0') is var nul and >= 0 ? $"holds a NUL character (U+0000) at character {nul + 1}" : null;
    }

    /// <summary>The text itself. Errors: <see cref="InvalidInputException"/> <see cref="Code"/>.</summary>
    public static string? Require(string? text) =>
        Flaw(text) is { } flaw ? throw new InvalidInputException(Code, $"The text {flaw}: remove it.") : text;

    /// <summary>At most so many characters of it, without cutting a pair in two.</summary>
    public static string Cut(string text, int most)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
    }
}
