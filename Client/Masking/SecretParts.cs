using System.Text;
using System.Text.Json;

namespace Shipinator.Client.Masking;

/// <summary>
/// The parts of a secret that must be masked: the whole, each line, each string of a JSON document, and the same parts of the text that
/// the secret is the Base64 of.
/// </summary>
internal static class SecretParts
{
    /// <summary>Shorter secrets are not masked: that would make logs unreadable, and they could be guessed anyway.</summary>
    public const int MinSecretLength = 4;

    /// <summary>Shorter lines and JSON strings, such as <c>true</c> or a bracket, are not masked on their own.</summary>
    public const int MinPieceLength = 6;

    private const int MinLineLength = 4;

    /// <summary>Longer texts are searched in pieces, which limits buffering.</summary>
    private const int MaxPatternLength = 4096;

    /// <summary>All parts as UTF-8, none longer than a pattern.</summary>
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
        if (secret.Trim().Length < MinSecretLength)
        {
            return;
        }

        found.Add(secret);
        var isJson = AddJson(secret, found);
        // Most lines of a JSON document are punctuation.
        AddLines(secret, found, isJson ? MinPieceLength * 2 : MinLineLength);
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
            case JsonValueKind.String when Text(element) is { Length: >= MinPieceLength } text:
                found.Add(text);
                AddLines(text, found, MinPieceLength);
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
            // A lone surrogate: not a valid text.
            return null;
        }
    }

    /// <summary>The text that a secret is the Base64 of, as is common for a kubeconfig.</summary>
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
        for (var at = 0; at < part.Length; at += MaxPatternLength)
        {
            // The last piece has full length, too: short pieces would match elsewhere.
            var start = part.Length <= MaxPatternLength ? at : Math.Min(at, part.Length - MaxPatternLength);
            yield return part[start..Math.Min(start + MaxPatternLength, part.Length)];
        }
    }
}
