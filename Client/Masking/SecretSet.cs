using System.Text;

namespace Shipinator.Client.Masking;

/// <summary>
/// The secrets of one execution, prepared for searching in all forms that programs commonly print (docs/runner.md). Immutable; shared by
/// many <see cref="SecretScanner"/>s.
/// </summary>
public sealed class SecretSet
{
    private const int MinBase64Length = 6;
    private const int MinHexLength = 8;
    private const int MaxReach = 64 * 1024;
    private readonly PatternTree _plain;
    private readonly PatternTree _unquoted;
    private readonly PatternTree _percent;
    private readonly PatternTree _base64;
    private readonly PatternTree _hex;

    /// <summary>Secrets shorter than four characters are ignored.</summary>
    public SecretSet(IEnumerable<string> secrets)
    {
        var parts = SecretParts.Of(secrets);
        _plain = new(parts);
        var unquoted = parts.Select(p => p.Where(b => !UnquotedReading.IsQuote(b)).ToArray()).ToList();
        _unquoted = new(unquoted.Concat(unquoted.Select(UnquotedReading.Collapse)).Where(p => p.Length >= SecretParts.MinSecretLength));
        _percent = new(parts.Select(PercentDecoded).Where(p => p.Length >= SecretParts.MinSecretLength));
        _base64 = new(parts.SelectMany(Base64Forms));
        _hex = new(parts.Where(p => p.Length * 2 >= MinHexLength).Select(p => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(p))));
        // The maximum expansion of each form: a quote escaped three times has nine bytes.
        Reach = Math.Min(
            MaxReach,
            1024 + new[] { _plain.MaxLength * 9, _percent.MaxLength * 5, _base64.MaxLength * 2, _hex.MaxLength * 3 }.Max()
        );
    }

    /// <summary>Whether there are no secrets to mask.</summary>
    public bool IsEmpty => _plain.IsEmpty;

    /// <summary>The number of bytes before a position at which a scanner must start to find everything from that position on.</summary>
    public int Reach { get; }

    /// <summary>Replaces every secret in a text by asterisks.</summary>
    public string Mask(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (IsEmpty || text.Length == 0)
        {
            return text;
        }

        using var whole = new MemoryStream(text.Length);
        var masker = new StreamMasker(this, b => whole.Write(b.Span));
        masker.Write(Encoding.UTF8.GetBytes(text));
        masker.Flush();
        return Encoding.UTF8.GetString(whole.GetBuffer(), 0, (int)whole.Length);
    }

    /// <summary>The first reading gets all bytes; the others don't get terminal sequences.</summary>
    internal Reading[] Readings() =>
        [
            new PlainReading(_plain),
            new PlainReading(_plain),
            new UnquotedReading(_unquoted),
            new UnescapedReading(_unquoted, times: 1),
            new UnescapedReading(_unquoted, times: 2),
            new UnescapedReading(_unquoted, times: 3),
            new UnescapedReading(_unquoted, UnescapedReading.AnyTimes),
            new UnescapedReading(_unquoted, times: 1, characters: true),
            new EntityReading(_unquoted),
            new PercentReading(_percent),
            new Base64Reading(_base64),
            new HexReading(_hex),
        ];

    /// <summary>Decodes like <see cref="PercentReading"/>, so that both sides match.</summary>
    private static byte[] PercentDecoded(byte[] part)
    {
        var text = new List<byte>();
        var at = 0;
        while (at < part.Length)
        {
            var value = part[at];
            var end = at + 1;
            while (
                value == '%' && end + 1 < part.Length && char.IsAsciiHexDigit((char)part[end]) && char.IsAsciiHexDigit((char)part[end + 1])
            )
            {
                value = Convert.FromHexString(Encoding.ASCII.GetString(part, end, 2))[0];
                end += 2;
            }

            text.Add(value == '+' ? (byte)' ' : value);
            at = end;
        }

        return [.. text];
    }

    private static IEnumerable<byte[]> Base64Forms(byte[] part)
    {
        foreach (var core in Cores(part))
        {
            yield return core;
            // Encoded twice, such as a Docker configuration in a Kubernetes Secret.
            foreach (var twice in Cores(core).Where(t => t.Length >= MinBase64Length * 2))
            {
                yield return twice;
            }
        }

        // The whole Base64 text with its padding, also if it is short.
        foreach (var alone in new[] { part, [.. part, (byte)'\n'] })
        {
            var text = Convert.ToBase64String(alone);
            yield return Encoding.ASCII.GetBytes(text);
            yield return Encoding.ASCII.GetBytes(text.TrimEnd('='));
        }
    }

    /// <summary>The Base64 of any text that contains the bytes contains one of three texts, depending on their alignment.</summary>
    private static IEnumerable<byte[]> Cores(byte[] part)
    {
        for (var lead = 0; lead < 3; lead++)
        {
            var text = Convert.ToBase64String([.. new byte[lead], .. part]).TrimEnd('=');
            var first = lead == 0 ? 0 : lead + 1;
            // The last character depends on the following byte, unless the bytes end on a boundary.
            var last = (lead + part.Length) % 3 == 0 ? text.Length : text.Length - 1;
            if (last - first >= MinBase64Length)
            {
                yield return Encoding.ASCII.GetBytes(text[first..last]);
            }
        }
    }
}
