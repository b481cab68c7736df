namespace Shipinator.Client.Masking;

/// <summary>Tells the bytes of terminal sequences (colors, cursor moves) and NUL from those of the text.</summary>
internal sealed class ControlSequences
{
    private const int Longest = 64;

    /// <summary>Titles and links: their text is not shown. One that never ends is text again after so many bytes.</summary>
    private const int LongestString = 512;
    private int _length;
    private Place _place;

    private enum Place
    {
        Text,
        Escape,
        Sequence,
        CharacterSet,
        Command,
    }

    /// <summary>Whether the byte shows nothing by itself.</summary>
    public bool Hides(byte value)
    {
        switch (_place)
        {
            case Place.Escape:
                _place = value switch
                {
                    (byte)'[' => Place.Sequence,
                    (byte)'(' or (byte)')' => Place.CharacterSet,
                    (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_' => Place.Command,
                    0x1b => Place.Escape,
                    _ => Place.Text,
                };
                _length = 0;
                return _place != Place.Text || value is (byte)'7' or (byte)'8' or (byte)'=' or (byte)'>' or (byte)'\\';
            case Place.CharacterSet:
                _place = Place.Text;
                return true;
            case Place.Sequence when value is >= 0x20 and < 0x7f && ++_length < Longest:
                _place = value >= 0x40 ? Place.Text : Place.Sequence;
                return true;
            // Until BEL, or ESC \; a line break shows that it never was one.
            case Place.Command when value is not (0x1b or (byte)'\n' or (byte)'\r') && ++_length < LongestString:
                _place = value == 7 ? Place.Text : Place.Command;
                return true;
            default:
                _place = value == 0x1b ? Place.Escape : Place.Text;
                return value is 0x1b or 0;
        }
    }

    public void Reset() => _place = Place.Text;
}
