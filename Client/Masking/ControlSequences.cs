namespace Shipinator.Client.Masking;

/// <summary>Distinguishes the bytes of terminal sequences (colors, cursor moves) and NUL from text.</summary>
internal sealed class ControlSequences
{
    private const int MaxLength = 64;

    /// <summary>For titles and links, whose text is not displayed. Longer strings are unterminated and count as text.</summary>
    private const int MaxStringLength = 512;
    private int _length;
    private State _state;

    private enum State
    {
        Text,
        Escape,
        Sequence,
        CharacterSet,
        Command,
    }

    /// <summary>Whether the byte belongs to a sequence and is not displayed.</summary>
    public bool Hides(byte value)
    {
        switch (_state)
        {
            case State.Escape:
                _state = value switch
                {
                    (byte)'[' => State.Sequence,
                    (byte)'(' or (byte)')' => State.CharacterSet,
                    (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_' => State.Command,
                    0x1b => State.Escape,
                    _ => State.Text,
                };
                _length = 0;
                return _state != State.Text || value is (byte)'7' or (byte)'8' or (byte)'=' or (byte)'>' or (byte)'\\';
            case State.CharacterSet:
                _state = State.Text;
                return true;
            case State.Sequence when value is >= 0x20 and < 0x7f && ++_length < MaxLength:
                _state = value >= 0x40 ? State.Text : State.Sequence;
                return true;
            // Ends with BEL or ESC \; a line break means that it was not a string.
            case State.Command when value is not (0x1b or (byte)'\n' or (byte)'\r') && ++_length < MaxStringLength:
                _state = value == 7 ? State.Text : State.Command;
                return true;
            default:
                _state = value == 0x1b ? State.Escape : State.Text;
                return value is 0x1b or 0;
        }
    }

    public void Reset() => _state = State.Text;
}
