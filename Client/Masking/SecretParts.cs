using System.Text;
using System.Text.Json;

namespace Shipinator.Client.Masking;

/// <summary>
/// What of a secret must not be seen: the whole, each line of it, each text of a JSON document, and the same of what it is the
/// Base64 of.
/// </summary>
internal static class SecretParts
{
    /// <summary>Shorter secrets are not masked: they would make every log unreadable and could be guessed anyway.</summary>
    public const int ShortestSecret = 4;

    /// <summary>Shorter lines and JSON texts are not masked by themselves: <c>true</c>, <c>json</c>, a bracket.</summary>
    public const int ShortestPiece = 6;

    private const int ShortestLineOfSecret = 4;

    /// <summary>Longer texts are searched for in pieces, so that what is held back stays small.</summary>
    private const int LongestPattern = 4096;

    /// <summary>All parts as UTF-8, none longer than a pattern may be.</summary>
    public static List<byte[]> Of(IEnumerable<string> secrets)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var secret in secrets)
        {
            AddWhole(secret, found, mayBeEncoded: true);
        }

        return [.. found.Select(Encoding.UTF8.GetBytes).SelectMany(Cut)];
    }

    private static void AddWhole(string secret, HashSet<string> found, bool mayBeEncoded)
    {
        if (secret.Trim().Length < ShortestSecret)
        {
            return;
        }

        found.Add(secret);
        var isJson = AddJson(secret, found);
        // The lines of a JSON document are mostly its punctuation.
        AddLines(secret, found, isJson ? ShortestPiece * 2 : ShortestLineOfSecret);
        if (mayBeEncoded && Decoded(secret) is { } inner)
        {
            AddWhole(inner, found, mayBeEncoded: false);
        }
    }

    private static void AddLines(string text, HashSet<string> found, int shortest)
    {
        foreach (var line in text.Split('\n', '\r').Select(l => l.Trim()).Where(l => l.Length >= shortest))
        {
            found.Add(line);
        }
    }

    private static bool AddJson(string secret, HashSet<string> found)
    {
        if (secret.TrimStart() is not ['{' or '[' or '"', ..])
        {
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(secret);
            AddTexts(document.RootElement, found);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static void AddTexts(JsonElement element, HashSet<string> found)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    AddTexts(member.Value, found);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    AddTexts(item, found);
                }

                break;
            case JsonValueKind.String when Text(element) is { Length: >= ShortestPiece } text:
                found.Add(text);
                AddLines(text, found, ShortestPiece);
                break;
        }
    }

    private static string? Text(JsonElement element)
    {
        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair: no text at all.
            return null;
        }
    }

    /// <summary>The text that a secret is the Base64 of: a kubeconfig is often kept so.</summary>
    private static string? Decoded(string secret)
    {
        var compact = string.Concat(secret.Where(c => !char.IsWhiteSpace(c)));
        var bytes = new byte[compact.Length];
        if (compact.Length < 12 || !Convert.TryFromBase64String(compact, bytes, out var count))
        {
            return null;
        }

        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, count);
            return text.Any(c => char.IsControl(c) && c is not ('\n' or '\r' or '\t')) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static IEnumerable<byte[]> Cut(byte[] part)
    {
        for (var at = 0; at < part.Length; at += LongestPattern)
        {
            // The last piece is a full one, too: what is short might stand anywhere.
            var start = part.Length <= LongestPattern ? at : Math.Min(at, part.Length - LongestPattern);
            yield return part[start..Math.Min(start + LongestPattern, part.Length)];
        }
    }
}
