using System.Text;

namespace Shipinator.Cli.IO;

/// <summary>Splits chunks of UTF-8, which may break anywhere, into lines.</summary>
internal sealed class LineSplitter(Action<string> line)
{
    /// <summary>Longer lines are split; in characters.</summary>
    private const int MaxLineLength = 64 * 1024;

    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _rest = new();

    public void Append(ReadOnlySpan<byte> piece)
    {
        var characters = new char[_decoder.GetCharCount(piece, flush: false)];
        _decoder.GetChars(piece, characters, flush: false);
        foreach (var c in characters)
        {
            if (c == '\n')
            {
                Flush();
                continue;
            }

            _rest.Append(c);
            if (_rest.Length == MaxLineLength)
            {
                Flush();
            }
        }
    }

    /// <summary>Emits the last line if it had no line break.</summary>
    public void Complete()
    {
        if (_rest.Length > 0)
        {
            Flush();
        }
    }

    private void Flush()
    {
        var text = _rest.ToString().TrimEnd('\r');
        _rest.Clear();
        // A progress bar overwrites itself with carriage returns: keep its last state.
        line(text.LastIndexOf('\r') is var at and >= 0 ? text[(at + 1)..] : text);
    }
}
