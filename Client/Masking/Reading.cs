namespace Shipinator.Client.Masking;

/// <summary>A range of positions in a stream of bytes.</summary>
public readonly record struct ByteRange(long Start, long End);

/// <summary>
/// Decodes a stream in one way and searches it for one set of patterns. Decoded bytes keep their original positions, so that matches are
/// ranges of the original stream.
/// </summary>
internal abstract class Reading
{
    private readonly PatternTree _tree;
    private readonly long[] _starts;
    private int _state;
    private long _count;

    protected Reading(PatternTree tree)
    {
        _tree = tree;
        _starts = new long[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)tree.MaxLength + 1)];
    }

    /// <summary>The start of the earliest partial match, or null.</summary>
    public virtual long? Open => _state == 0 ? null : _starts[(_count - _tree.Depth(_state)) & (_starts.Length - 1)];

    /// <summary>Processes the byte at a position.</summary>
    public abstract void Feed(byte value, long at, ICollection<ByteRange> found);

    /// <summary>Completes the stream.</summary>
    public virtual void End(ICollection<ByteRange> found) { }

    /// <summary>Discards partial matches.</summary>
    public virtual void Reset() => _state = 0;

    /// <summary>
    /// Searches one decoded byte, which stands for the bytes of the stream from <paramref name="start"/> to before <paramref name="end"/>.
    /// </summary>
    protected void Take(byte value, long start, long end, ICollection<ByteRange> found)
    {
        _starts[_count & (_starts.Length - 1)] = start;
        _count++;
        _state = _tree.Next(_state, value);
        if (_state != 0 && _tree.Longest(_state) is var length and not 0)
        {
            found.Add(new(_starts[(_count - length) & (_starts.Length - 1)], end));
        }
    }

    /// <summary>Ends the current text.</summary>
    protected void Break() => _state = 0;
}

/// <summary>Reads the bytes unchanged.</summary>
internal sealed class PlainReading(PatternTree tree) : Reading(tree)
{
    public override void Feed(byte value, long at, ICollection<ByteRange> found) => Take(value, at, at + 1, found);
}

/// <summary>
/// Omits quotes, backslashes and doubling, with which a shell, SQL, YAML, make (<c>$$</c>) or <c>printf</c> (<c>%%</c>) quotes a text.
/// </summary>
internal sealed class UnquotedReading(PatternTree tree) : Reading(tree)
{
    private byte _previous;

    public static bool IsQuote(byte value) => value is (byte)'\\' or (byte)'\'' or (byte)'"';

    /// <summary>Collapses runs of <c>$</c> and <c>%</c> to one, like this reading does.</summary>
    public static byte[] Collapse(byte[] text) => [.. text.Where((value, i) => i == 0 || !IsRepeat(text[i - 1], value))];

    public override void Feed(byte value, long at, ICollection<ByteRange> found)
    {
        if (IsQuote(value))
        {
            return;
        }

        if (!IsRepeat(_previous, value))
        {
            Take(value, at, at + 1, found);
        }

        _previous = value;
    }

    public override void Reset()
    {
        base.Reset();
        _previous = 0;
    }

    private static bool IsRepeat(byte previous, byte value) => value == previous && (value is (byte)'$' or (byte)'%');
}

/// <summary>Decodes codes of several bytes.</summary>
internal abstract class DecodingReading(PatternTree tree) : Reading(tree)
{
    /// <summary>The maximum length of a code, with a margin.</summary>
    private const int Capacity = 16;

    private readonly byte[] _bytes = new byte[Capacity];
    private readonly long[] _positions = new long[Capacity];
    private int _buffered;

    public override long? Open => base.Open ?? (_buffered > 0 ? _positions[0] : null);

    public override void Feed(byte value, long at, ICollection<ByteRange> found)
    {
        (_bytes[_buffered], _positions[_buffered]) = (value, at);
        _buffered++;
        Decode(found, isEnd: false);
    }

    public override void End(ICollection<ByteRange> found) => Decode(found, isEnd: true);

    public override void Reset()
    {
        base.Reset();
        _buffered = 0;
    }

    /// <summary>
    /// Decodes the code at the start of the bytes and passes it to <see cref="Emit.Put"/>. Returns the number of bytes consumed, or 0 if
    /// more are needed, but never 0 at the end or when the buffer is full.
    /// </summary>
    protected abstract int Decode(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit);

    protected readonly ref struct Emit(DecodingReading reading, ICollection<ByteRange> found)
    {
        /// <summary>Emits the byte that the first <paramref name="length"/> bytes stand for.</summary>
        public void Put(byte value, int length) => reading.Take(value, reading._positions[0], reading._positions[length - 1] + 1, found);
    }

    /// <summary>Replaces the first bytes by a byte that is decoded again, for text that was encoded twice.</summary>
    protected void Replace(byte value, int length)
    {
        _bytes[length - 1] = value;
        _positions[length - 1] = _positions[0];
    }

    private void Decode(ICollection<ByteRange> found, bool isEnd)
    {
        while (_buffered > 0)
        {
            var read = Decode(_bytes.AsSpan(0, _buffered), isEnd || _buffered == Capacity, new Emit(this, found));
            if (read == 0)
            {
                return;
            }

            _buffered -= read;
            if (_buffered > 0)
            {
                Array.Copy(_bytes, read, _bytes, 0, _buffered);
                Array.Copy(_positions, read, _positions, 0, _buffered);
            }
        }
    }

    /// <summary>Emits a character as UTF-8, all bytes with the position of the code; quotes are omitted.</summary>
    protected static void Put(long code, int length, Emit emit)
    {
        if (
            code is < 0 or > 0x10FFFF
            || !System.Text.Rune.TryCreate((int)code, out var rune)
            || (code < 128 && UnquotedReading.IsQuote((byte)code))
        )
        {
            return;
        }

        Span<byte> text = stackalloc byte[4];
        foreach (var part in text[..rune.EncodeToUtf8(text)])
        {
            emit.Put(part, length);
        }
    }

    protected static int HexValue(byte digit) =>
        digit switch
        {
            >= (byte)'0' and <= (byte)'9' => digit - '0',
            >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
            >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
            _ => -1,
        };
}
