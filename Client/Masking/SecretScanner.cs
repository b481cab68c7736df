namespace Shipinator.Client.Masking;

/// <summary>
/// Finds secrets in a stream that comes in pieces: linear in its bytes, with a memory bounded by the secrets' lengths.
/// </summary>
public sealed class SecretScanner
{
    /// <summary>How far a secret may be spread out by what is left out between its bytes.</summary>
    private const int MostSpread = 256 * 1024;

    private readonly Reading[] _readings;
    private readonly ControlSequences _sequences = new();

    /// <summary>A scanner whose first byte is the one at <paramref name="position"/>.</summary>
    public SecretScanner(SecretSet secrets, long position = 0)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        _readings = secrets.IsEmpty ? [] : secrets.Readings();
        Position = position;
    }

    /// <summary>The place of the byte that comes next.</summary>
    public long Position { get; private set; }

    /// <summary>Every secret that is yet to be found begins here or later.</summary>
    public long Decided { get; private set; }

    /// <summary>Takes the next bytes; adds where secrets are, which may be before these bytes.</summary>
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

    /// <summary>Nothing follows.</summary>
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
                if (Position - open > MostSpread)
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
