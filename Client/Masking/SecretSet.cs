using System.Text;

namespace Shipinator.Client.Masking;

/// <summary>
/// The secrets of one execution, ready to be searched for in all forms that programs commonly print (docs/runner.md). Immutable; made
/// once, used by many <see cref="SecretScanner"/>s.
/// </summary>
public sealed class SecretSet
{
    private const int ShortestBase64 = 6;
    private const int ShortestHex = 8;
    private const int MostReach = 64 * 1024;
    private readonly PatternTree _plain;
    private readonly PatternTree _unquoted;
    private readonly PatternTree _percent;
    private readonly PatternTree _base64;
    private readonly PatternTree _hex;

    /// <summary>Secrets of less than four characters are left out.</summary>
    public SecretSet(IEnumerable<string> secrets)
    {
        var parts = SecretParts.Of(secrets);
        _plain = new(parts);
        var unquoted = parts.Select(p => p.Where(b => !UnquotedReading.IsQuote(b)).ToArray()).ToList();
        _unquoted = new(unquoted.Concat(unquoted.Select(UnquotedReading.Collapse)).Where(p => p.Length >= SecretParts.ShortestSecret));
        _percent = new(parts.Select(Unpercented).Where(p => p.Length >= SecretParts.ShortestSecret));
        _base64 = new(parts.SelectMany(Base64Forms));
        _hex = new(parts.Where(p => p.Length * 2 >= ShortestHex).Select(p => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(p))));
        // By how much each form is longer than what it stands for, at the most: a quote escaped three times is nine bytes.
        Reach = Math.Min(MostReach, 1024 + new[] { _plain.Most * 9, _percent.Most * 5, _base64.Most * 2, _hex.Most * 3 }.Max());
    }

    /// <summary>Whether there is nothing to mask.</summary>
    public bool IsEmpty => _plain.IsEmpty;

    /// <summary>From how many bytes before a place a scanner must begin, so that it knows there what it would know from the start.</summary>
    public int Reach { get; }

    /// <summary>A text with asterisks in the place of every secret.</summary>
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

    /// <summary>The first reads the bytes as they are; the others do not see terminal sequences.</summary>
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

    /// <summary>As <see cref="PercentReading"/> reads it: both sides are read alike.</summary>
    private static byte[] Unpercented(byte[] part)
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
            // Encoded once more: an entry of a Kubernetes secret that is itself a Docker configuration.
            foreach (var twice in Cores(core).Where(t => t.Length >= ShortestBase64 * 2))
            {
                yield return twice;
            }
        }

        // By themselves, with what fills them up: also too short ones.
        foreach (var alone in new[] { part, [.. part, (byte)'\n'] })
        {
            var text = Convert.ToBase64String(alone);
            yield return Encoding.ASCII.GetBytes(text);
            yield return Encoding.ASCII.GetBytes(text.TrimEnd('='));
        }
    }

    /// <summary>Base64 of anything that contains the bytes contains one of three texts, by where they begin.</summary>
    private static IEnumerable<byte[]> Cores(byte[] part)
    {
        for (var lead = 0; lead < 3; lead++)
        {
            var text = Convert.ToBase64String([.. new byte[lead], .. part]).TrimEnd('=');
            var first = lead == 0 ? 0 : lead + 1;
            // The last character mixes in what follows, unless the bytes end on a boundary.
            var last = (lead + part.Length) % 3 == 0 ? text.Length : text.Length - 1;
            if (last - first >= ShortestBase64)
            {
                yield return Encoding.ASCII.GetBytes(text[first..last]);
            }
        }
    }
}
