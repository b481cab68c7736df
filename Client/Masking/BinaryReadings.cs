namespace Shipinator.Client.Masking;

/// <summary>
/// Reads Base64 in either alphabet, also with line breaks (<c>base64</c>, <c>openssl</c>, indented), in JSON strings or URLs.
/// Both alphabets are mapped to the standard one.
/// </summary>
internal sealed class Base64Reading(PatternTree tree) : DecodingReading(tree)
{
    /// <summary>The minimum length of a wrapped line: shorter ones are ordinary words at the end of a line.</summary>
    private const int MinLineLength = 16;

    private int _run;
    private bool _wrapped;

    public static bool IsBase64(byte value) =>
        char.IsAsciiLetterOrDigit((char)value) || value is (byte)'+' or (byte)'/' or (byte)'-' or (byte)'_' or (byte)'=';

    protected override int Decode(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        switch ((char)bytes[0])
        {
            case '\n' or '\r':
                Wrap();
                return 1;
            case ' ' or '\t' when _wrapped:
                return 1;
            case '\\' when bytes.Length == 1 && !isEnd:
                return 0;
            case '\\' when bytes.Length > 1 && bytes[1] is (byte)'n' or (byte)'r':
                Wrap();
                return 2;
            case '\\' when bytes.Length > 1 && bytes[1] == '/':
                Put((byte)'/', 2, emit);
                return 2;
            case '%' when bytes.Length < 3 && !isEnd:
                return 0;
            case '%' when bytes.Length >= 3 && HexValue(bytes[1]) >= 0 && HexValue(bytes[2]) >= 0:
                var value = (byte)((HexValue(bytes[1]) * 16) + HexValue(bytes[2]));
                if (value is (byte)'\n' or (byte)'\r')
                {
                    Wrap();
                }
                else
                {
                    Put(value, 3, emit);
                }

                return 3;
            default:
                Put(bytes[0], 1, emit);
                return 1;
        }
    }

    public override void Reset()
    {
        base.Reset();
        (_run, _wrapped) = (0, false);
    }

    private void Put(byte value, int length, Emit emit)
    {
        if (!IsBase64(value))
        {
            Break();
            (_run, _wrapped) = (0, false);
            return;
        }

        _run++;
        _wrapped = false;
        emit.Put(
            value == '-' ? (byte)'+'
                : value == '_' ? (byte)'/'
                : value,
            length
        );
    }

    private void Wrap()
    {
        if (_run < MinLineLength && !_wrapped)
        {
            Break();
        }
        else
        {
            _wrapped = true;
        }

        _run = 0;
    }
}

/// <summary>
/// Reads hexadecimal digits in either case, also with line breaks and in pairs: <c>73 65</c>, <c>73:65</c>, <c>\x73\x65</c>,
/// <c>0x73, 0x65</c>.
/// </summary>
internal sealed class HexReading(PatternTree tree) : DecodingReading(tree)
{
    private const int MinLineLength = 16;
    private const int MaxSeparators = 3;
    private int _run;
    private int _separators;
    private bool _wrapped;

    protected override int Decode(ReadOnlySpan<byte> bytes, bool isEnd, Emit emit)
    {
        if (bytes[0] is (byte)'0' or (byte)'\\')
        {
            if (bytes.Length == 1 && !isEnd)
            {
                return 0;
            }

            if (bytes.Length > 1 && bytes[1] is (byte)'x' or (byte)'X')
            {
                return 2;
            }
        }

        if (HexValue(bytes[0]) >= 0)
        {
            _run++;
            (_separators, _wrapped) = (0, false);
            emit.Put((byte)char.ToLowerInvariant((char)bytes[0]), 1);
        }
        else if (bytes[0] is (byte)'\n' or (byte)'\r' && (_run >= MinLineLength || _wrapped))
        {
            (_run, _wrapped) = (0, true);
        }
        else if (bytes[0] is (byte)' ' or (byte)'\t' or (byte)':' or (byte)',' or (byte)'-' && (_wrapped || ++_separators <= MaxSeparators))
        {
            // A separator between two digits.
        }
        else
        {
            Break();
            (_run, _separators, _wrapped) = (0, 0, false);
        }

        return 1;
    }

    public override void Reset()
    {
        base.Reset();
        (_run, _separators, _wrapped) = (0, 0, false);
    }
}
