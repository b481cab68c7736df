using System.Buffers.Text;
using System.Text;

namespace Shipinator.Client.Masking;

/// <summary>
/// Decodes escape sequences as in JSON, C, Python and <c>$'…'</c>. Quotes and other backslashes are omitted.
/// <paramref name="times"/> is how often the text was escaped: each time doubles the backslashes of the text, so a full set stands for a
/// literal backslash and fewer belong to an escape sequence. With <see cref="AnyTimes"/> all backslashes belong to the escape sequence.
/// With <paramref name="characters"/>, <c>\xe9</c> and <c>\351</c> are characters, as in Python, JavaScript and YAML, otherwise bytes, as
/// in C.
/// </summary>
internal sealed class UnescapedReading(PatternTree tree, int times, bool characters = false) : DecodingReading(tree)
{
    /// <summary>For any number of escapings, if the text itself contains no escape sequences.</summary>
    public const int AnyTimes = 0;

    /// <summary>The number of backslashes that stand for a literal one.</summary>
    private readonly int _backslashes = times == AnyTimes ? int.MaxValue : 1 << times;

    private int _highSurrogate;
    private int _before;

    protected override int Decode(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        if (bytes[0] == '\\')
        {
            return bytes.Length > 1 ? Escape(bytes, isEnd, emit)
                : isEnd ? 1
                : 0;
        }

        if (!UnquotedReading.IsQuote(bytes[0]))
        {
            emit.Put(bytes[0], 1);
        }

        return 1;
    }

    public override void Reset()
    {
        base.Reset();
        (_highSurrogate, _before) = (0, 0);
    }

    private int Escape(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        if (bytes[1] == '\\')
        {
            _before = times == AnyTimes ? 0 : (_before + 1) % _backslashes;
            return 1;
        }

        if (_before + 1 == _backslashes)
        {
            // A literal backslash: no escape sequence follows.
            _before = 0;
            return 1;
        }

        var read = DecodeNext(bytes, isEnd, emit);
        if (read > 0)
        {
            _before = 0;
        }

        return read;
    }

    private int DecodeNext(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        byte? simple = (char)bytes[1] switch
        {
            'n' => (byte)'\n',
            't' => (byte)'\t',
            'r' => (byte)'\r',
            'b' => (byte)'\b',
            'f' => (byte)'\f',
            'v' => (byte)'\v',
            'a' => 7,
            'e' or 'E' => 27,
            _ => null,
        };
        if (simple is { } meant)
        {
            emit.Put(meant, 2);
            return 2;
        }

        return (char)bytes[1] switch
        {
            'u' => Code(bytes, 2, 4, isEnd, emit, isText: true),
            'U' => Code(bytes, 2, 8, isEnd, emit, isText: true),
            'x' => Code(bytes, 2, 2, isEnd, emit, isText: false),
            >= '0' and <= '7' => Octal(bytes, isEnd, emit),
            '\n' => 2,
            // The quote or ordinary character that follows stands for itself.
            _ => 1,
        };
    }

    private int Code(ReadOnlySpan<byte> bytes, int from, int digits, bool isEnd, Emit emit, bool isText)
    {
        var value = 0L;
        for (var i = from; i < from + digits; i++)
        {
            if (i == bytes.Length)
            {
                return isEnd ? 1 : 0;
            }

            if (HexValue(bytes[i]) is var digit && digit < 0)
            {
                return 1;
            }

            value = (value * 16) + digit;
        }

        if (isText)
        {
            Character(value, from + digits, emit);
        }
        else
        {
            PutByte((byte)value, from + digits, emit);
        }

        return from + digits;
    }

    /// <summary>Quotes are omitted in any notation.</summary>
    private void PutByte(byte value, int length, Emit emit)
    {
        if (characters)
        {
            Put(value, length, emit);
        }
        else if (!UnquotedReading.IsQuote(value))
        {
            emit.Put(value, length);
        }
    }

    private int Octal(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        var (value, at) = (0, 1);
        while (at < 4 && at < bytes.Length && bytes[at] is >= (byte)'0' and <= (byte)'7')
        {
            value = (value * 8) + bytes[at] - '0';
            at++;
        }

        if (at == bytes.Length && at < 4 && !isEnd)
        {
            return 0;
        }

        PutByte((byte)value, at, emit);
        return at;
    }

    /// <summary>Emits a character as UTF-8, all bytes with the position of the code.</summary>
    private void Character(long code, int length, Emit emit)
    {
        if (code is >= 0xD800 and < 0xDC00)
        {
            _highSurrogate = (int)code;
            return;
        }

        if (code is >= 0xDC00 and < 0xE000)
        {
            code = _highSurrogate == 0 ? -1 : 0x10000 + ((_highSurrogate - 0xD800) << 10) + (code - 0xDC00);
        }

        _highSurrogate = 0;
        Put(code, length, emit);
    }
}

/// <summary>Decodes entities of HTML and XML, such as <c>&amp;amp;</c>, without quotes and backslashes.</summary>
internal sealed class EntityReading(PatternTree tree) : DecodingReading(tree)
{
    private const int MaxEntityLength = 10;

    protected override int Decode(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        if (bytes[0] != '&')
        {
            if (!UnquotedReading.IsQuote(bytes[0]))
            {
                emit.Put(bytes[0], 1);
            }

            return 1;
        }

        var end = bytes.IndexOf((byte)';');
        if (end < 0 && bytes.Length <= MaxEntityLength && bytes[1..].IndexOfAnyExcept(EntityBytes) < 0 && !isEnd)
        {
            return 0;
        }

        if (end > 1 && DecodeEntity(bytes[1..end]) is { } meant)
        {
            Put(meant, end + 1, emit);
            return end + 1;
        }

        emit.Put(bytes[0], 1);
        return 1;
    }

    private static readonly System.Buffers.SearchValues<byte> EntityBytes = System.Buffers.SearchValues.Create(
        "#abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"u8
    );

    private static long? DecodeEntity(ReadOnlySpan<byte> name)
    {
        if (name[0] == '#')
        {
            var isHex = name.Length > 1 && name[1] is (byte)'x' or (byte)'X';
            var digits = name[(isHex ? 2 : 1)..];
            return Utf8Parser.TryParse(digits, out int code, out var read, isHex ? 'x' : 'D') && read == digits.Length ? code : null;
        }

        return Encoding.ASCII.GetString(name) switch
        {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => ' ',
            _ => null,
        };
    }
}

/// <summary>Decodes percent-encoding, such as <c>%2B</c>, applied any number of times; <c>+</c> and space are equal.</summary>
internal sealed class PercentReading(PatternTree tree) : DecodingReading(tree)
{
    protected override int Decode(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        if (
            bytes[0] != '%'
            || (bytes.Length > 1 && HexValue(bytes[1]) < 0)
            || (bytes.Length > 2 && HexValue(bytes[2]) < 0)
            || (isEnd && bytes.Length < 3)
        )
        {
            emit.Put(bytes[0] == '+' ? (byte)' ' : bytes[0], 1);
            return 1;
        }

        if (bytes.Length < 3)
        {
            return 0;
        }

        var value = (byte)((HexValue(bytes[1]) * 16) + HexValue(bytes[2]));
        if (value == '%')
        {
            Replace(value, 3);
            return 2;
        }

        emit.Put(value == '+' ? (byte)' ' : value, 3);
        return 3;
    }
}
