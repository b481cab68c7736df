namespace Shipinator.Client.Masking;

/// <summary>A place in a stream of bytes.</summary>
public readonly record struct ByteRange(long Start, long End);

/// <summary>
/// One way to read a stream, searched for one set of patterns: what it makes of the bytes remembers from which of them it came, so
/// that a pattern that is found names a range of the stream itself.
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
        _starts = new long[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)tree.Most + 1)];
    }

    /// <summary>Where the earliest text begins that may yet turn out to be a secret; null when nothing is open.</summary>
    public virtual long? Open => _state == 0 ? null : _starts[(_count - _tree.Depth(_state)) & (_starts.Length - 1)];

    /// <summary>Takes the byte at a place of the stream.</summary>
    public abstract void Feed(byte value, long at, ICollection<ByteRange> found);

    /// <summary>Nothing follows.</summary>
    public virtual void End(ICollection<ByteRange> found) { }

    /// <summary>Forgets what was open.</summary>
    public virtual void Reset() => _state = 0;

    /// <summary>One byte of the text that is searched; it stands for the stream's bytes from <paramref name="start"/> to before <paramref name="end"/>.</summary>
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

    /// <summary>What follows does not belong to what was before.</summary>
    protected void Break() => _state = 0;
}

/// <summary>The bytes as they are.</summary>
internal sealed class PlainReading(PatternTree tree) : Reading(tree)
{
    public override void Feed(byte value, long at, ICollection<ByteRange> found) => Take(value, at, at + 1, found);
}

/// <summary>
/// Without quotes, backslashes and doubling: whatever a shell, SQL, YAML, make (<c>$$</c>) or <c>printf</c> (<c>%%</c>) writes to
/// quote a text.
/// </summary>
internal sealed class UnquotedReading(PatternTree tree) : Reading(tree)
{
    private byte _previous;

    public static bool IsQuote(byte value) => value is (byte)'\\' or (byte)'\'' or (byte)'"';

    /// <summary>The text with runs of <c>$</c> and <c>%</c> as one, as this reads it.</summary>
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

/// <summary>A reading of codes of several bytes.</summary>
internal abstract class DecodingReading(PatternTree tree) : Reading(tree)
{
    /// <summary>The longest code, with room.</summary>
    private const int Room = 16;

    private readonly byte[] _bytes = new byte[Room];
    private readonly long[] _places = new long[Room];
    private int _waiting;

    public override long? Open => base.Open ?? (_waiting > 0 ? _places[0] : null);

    public override void Feed(byte value, long at, ICollection<ByteRange> found)
    {
        (_bytes[_waiting], _places[_waiting]) = (value, at);
        _waiting++;
        Decode(found, isEnd: false);
    }

    public override void End(ICollection<ByteRange> found) => Decode(found, isEnd: true);

    public override void Reset()
    {
        base.Reset();
        _waiting = 0;
    }

    /// <summary>
    /// Reads what the bytes begin with and hands it to <see cref="Emit.Put"/>. Returns how many of them it read; 0 when more are needed,
    /// which is never the answer at the end or when there is no more room.
    /// </summary>
    protected abstract int Decode(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit);

    protected readonly ref struct Emit(DecodingReading reading, ICollection<ByteRange> found)
    {
        /// <summary>The first <paramref name="length"/> bytes mean this one.</summary>
        public void Put(byte value, int length) => reading.Take(value, reading._places[0], reading._places[length - 1] + 1, found);
    }

    /// <summary>Puts a byte in the place of the first ones, to be read again: what was encoded twice.</summary>
    protected void Replace(byte value, int length)
    {
        _bytes[length - 1] = value;
        _places[length - 1] = _places[0];
    }

    private void Decode(ICollection<ByteRange> found, bool isEnd)
    {
        while (_waiting > 0)
        {
            var read = Decode(_bytes.AsSpan(0, _waiting), isEnd || _waiting == Room, new Emit(this, found));
            if (read == 0)
            {
                return;
            }

            _waiting -= read;
            if (_waiting > 0)
            {
                Array.Copy(_bytes, read, _bytes, 0, _waiting);
                Array.Copy(_places, read, _places, 0, _waiting);
            }
        }
    }

    /// <summary>A character as UTF-8, all of its bytes from the same code; quotes are left out.</summary>
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
