namespace Shipinator.Schema;

/// <summary>Which text PostgreSQL can store: any without NUL characters and unpaired surrogates.</summary>
public static class StorableText
{
    /// <summary>The error code for any other text.</summary>
    public const string Code = "text_malformed";

    /// <summary>What is wrong with the text, as the rest of a sentence; null when it is valid.</summary>
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
                    var code = ((int)text[i]).ToString("X4", System.Globalization.CultureInfo.InvariantCulture);
                    return $"contains an unpaired surrogate (U+{code}) at character {i + 1}";
                }
            }
        }

        return text.IndexOf('\0') is var nul and >= 0 ? $"contains a NUL character (U+0000) at character {nul + 1}" : null;
    }

    /// <summary>The text itself. Errors: <see cref="InvalidInputException"/> <see cref="Code"/>.</summary>
    public static string? Require(string? text) =>
        Flaw(text) is { } flaw ? throw new InvalidInputException(Code, $"The text {flaw}. Remove it.") : text;

    /// <summary>The first <paramref name="most"/> characters, without splitting a surrogate pair.</summary>
    public static string Cut(string text, int most)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
    }
}
