using System.Buffers;
using System.Text;

namespace Shipinator.Runner;

/// <summary>
/// Replaces secrets in a byte stream: as they are, each line of those with several, in Base64 at any alignment,
/// URL-encoded and JSON-escaped; also when a secret comes in pieces. What could be the beginning of one is held back until
/// it is decided.
/// </summary>
internal sealed class Masker
{
    private const int ShortestSecret = 4;
    private static readonly byte[] Mask = "********"u8.ToArray();
    private readonly byte[][]?[] _byFirst = new byte[256][][];
    private readonly Action<ReadOnlyMemory<byte>> _sink;
    private byte[] _held = [];

    public Masker(IEnumerable<string> secrets, Action<ReadOnlyMemory<byte>> sink)
    {
        _sink = sink;
        var patterns = secrets.SelectMany(Forms).Distinct(StringComparer.Ordinal).Select(Encoding.UTF8.GetBytes);
        foreach (var group in patterns.GroupBy(p => p[0]))
        {
            // The longest first: a secret that begins with another one is masked whole.
            _byFirst[group.Key] = [.. group.OrderByDescending(p => p.Length)];
        }
    }

    /// <summary>Takes bytes; passes on what is decided.</summary>
    public void Write(ReadOnlyMemory<byte> bytes)
    {
        lock (_byFirst)
        {
            Process(_held.Length == 0 ? bytes.Span : [.. _held, .. bytes.Span], final: false);
        }
    }

    /// <summary>Nothing follows: what was held back goes out.</summary>
    public void Flush()
    {
        lock (_byFirst)
        {
            Process(_held, final: true);
        }
    }

    private void Process(ReadOnlySpan<byte> input, bool final)
    {
        var output = new ArrayBufferWriter<byte>(input.Length + 16);
        var at = 0;
        _held = [];
        while (at < input.Length)
        {
            var rest = input[at..];
            var (length, undecided) = Match(rest);
            if (undecided && !final)
            {
                _held = rest.ToArray();
                break;
            }

            if (length > 0)
            {
                output.Write(Mask);
                at += length;
            }
            else
            {
                output.Write(rest[..1]);
                at++;
            }
        }

        if (output.WrittenCount > 0)
        {
            _sink(output.WrittenMemory);
        }
    }

    /// <summary>The length of the secret that begins here; undecided when a longer one still may.</summary>
    private (int Length, bool Undecided) Match(ReadOnlySpan<byte> rest)
    {
        foreach (var pattern in _byFirst[rest[0]] ?? [])
        {
            if (rest.Length >= pattern.Length ? rest.StartsWith(pattern) : pattern.AsSpan().StartsWith(rest))
            {
                return rest.Length >= pattern.Length ? (pattern.Length, false) : (Complete(rest), true);
            }
        }

        return (0, false);
    }

    /// <summary>At the very end: the longest secret that is there whole.</summary>
    private int Complete(ReadOnlySpan<byte> rest)
    {
        foreach (var pattern in _byFirst[rest[0]]!)
        {
            if (rest.StartsWith(pattern))
            {
                return pattern.Length;
            }
        }

        return 0;
    }

    private static IEnumerable<string> Forms(string secret)
    {
        var lines = secret.Split('\n').Select(l => l.TrimEnd('\r'));
        foreach (var part in lines.Prepend(secret).Where(p => p.Trim().Length >= ShortestSecret).Distinct())
        {
            yield return part;
            yield return Uri.EscapeDataString(part);
            yield return System.Text.Json.JsonEncodedText.Encode(part).ToString();
            yield return System.Text.Json.JsonEncodedText.Encode(part, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString();
            foreach (var encoded in Base64Forms(Encoding.UTF8.GetBytes(part)).Where(e => e.Length >= ShortestSecret))
            {
                yield return encoded;
            }
        }
    }

    /// <summary>Base64 of anything that contains the bytes contains one of three texts, by where they begin.</summary>
    private static IEnumerable<string> Base64Forms(byte[] bytes)
    {
        for (var lead = 0; lead < 3; lead++)
        {
            var text = Convert.ToBase64String([.. new byte[lead], .. bytes]).TrimEnd('=');
            var first = lead == 0 ? 0 : lead + 1;
            // The last character mixes in what follows, unless the bytes end on a boundary.
            var last = (lead + bytes.Length) % 3 == 0 ? text.Length : text.Length - 1;
            if (last - first >= 8)
            {
                yield return text[first..last];
                yield return text[first..last].Replace('+', '-').Replace('/', '_');
            }
        }
    }
}
