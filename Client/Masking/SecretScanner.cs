namespace Shipinator.Client.Masking;

/// <summary>
/// Finds secrets in a stream of chunks, in linear time and with memory bounded by the lengths of the secrets.
/// </summary>
public sealed class SecretScanner
{
    /// <summary>The maximum length of a match, including the bytes that are ignored within it.</summary>
    private const int MaxMatchLength = 256 * 1024;

    private readonly Reading[] _readings;
    private readonly ControlSequences _sequences = new();

    /// <summary>Creates a scanner whose first byte is at <paramref name="position"/>.</summary>
    public SecretScanner(SecretSet secrets, long position = 0)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        _readings = secrets.IsEmpty ? [] : secrets.Readings();
        Position = position;
    }

    /// <summary>The position of the next byte.</summary>
    public long Position { get; private set; }

    /// <summary>All further matches start here or later.</summary>
    public long Decided { get; private set; }

    /// <summary>Processes the next bytes and adds the ranges of secrets, which may start before these bytes.</summary>
    public void Feed(ReadOnlySpan<byte> bytes, ICollection<ByteRange> found)
    {
        foreach (var value in bytes)
        {
            if (_readings.Length > 0)
            {
                _readings[0].Feed(value, Position, found);
                if (!_sequences.Hides(value))
                {
                    for (var i = 1; i < _readings.Length; i++)
                    {
                        _readings[i].Feed(value, Position, found);
                    }
                }
            }

            Position++;
        }

        Decide();
    }

    /// <summary>Completes the stream.</summary>
    public void End(ICollection<ByteRange> found)
    {
        foreach (var reading in _readings)
        {
            reading.End(found);
            reading.Reset();
        }

        _sequences.Reset();
        Decided = Position;
    }

    private void Decide()
    {
        Decided = Position;
        foreach (var reading in _readings)
        {
            if (reading.Open is { } open && open < Decided)
            {
                if (Position - open > MaxMatchLength)
                {
                    reading.Reset();
                }
                else
                {
                    Decided = open;
                }
            }
        }
    }
}
