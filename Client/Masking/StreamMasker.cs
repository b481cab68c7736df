using System.Buffers;

namespace Shipinator.Client.Masking;

/// <summary>
/// Forwards a stream with each secret replaced by eight asterisks. Bytes that may be the start of a secret are buffered until decided.
/// </summary>
public sealed class StreamMasker(SecretSet secrets, Action<ReadOnlyMemory<byte>> sink)
{
    private static readonly byte[] Mask = "********"u8.ToArray();
    private readonly Lock _gate = new();
    private readonly SecretScanner _scanner = new(secrets);
    private readonly List<ByteRange> _found = [];
    private byte[] _held = [];
    private long _maskOpenAt = -1;

    /// <summary>Processes bytes and forwards those that are decided.</summary>
    public void Write(ReadOnlyMemory<byte> bytes)
    {
        lock (_gate)
        {
            _scanner.Feed(bytes.Span, _found);
            Forward(_held.Length == 0 ? bytes.Span : [.. _held, .. bytes.Span]);
        }
    }

    /// <summary>Completes the stream and forwards the buffered bytes.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            _scanner.End(_found);
            Forward(_held);
        }
    }

    private void Forward(ReadOnlySpan<byte> bytes)
    {
        var (start, decided) = (_scanner.Position - bytes.Length, _scanner.Decided);
        var output = new ArrayBufferWriter<byte>(bytes.Length + Mask.Length);
        var at = start;
        var merged = Merged();
        _found.Clear();
        foreach (var range in merged)
        {
            if (range.Start >= decided)
            {
                _found.Add(range);
                continue;
            }

            output.Write(bytes[(int)(at - start)..(int)(range.Start - start)]);
            if (range.Start != _maskOpenAt)
            {
                output.Write(Mask);
            }

            at = Math.Min(range.End, decided);
            if (range.End > decided)
            {
                // An overlapping secret may start in the rest, whose asterisks are already written.
                _found.Add(range with { Start = decided });
                _maskOpenAt = decided;
            }
        }

        if (decided > at)
        {
            output.Write(bytes[(int)(at - start)..(int)(decided - start)]);
            at = decided;
        }

        _held = bytes[(int)(at - start)..].ToArray();
        if (output.WrittenCount > 0)
        {
            sink(output.WrittenMemory);
        }
    }

    /// <summary>Merges overlapping ranges.</summary>
    private List<ByteRange> Merged()
    {
        _found.Sort((a, b) => a.Start.CompareTo(b.Start));
        var merged = new List<ByteRange>();
        foreach (var range in _found)
        {
            if (merged.Count > 0 && range.Start < merged[^1].End)
            {
                merged[^1] = merged[^1] with { End = Math.Max(merged[^1].End, range.End) };
            }
            else
            {
                merged.Add(range);
            }
        }

        return merged;
    }
}
