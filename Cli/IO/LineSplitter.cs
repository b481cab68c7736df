using System.Text;

namespace Shipinator.Cli.IO;

/// <summary>Makes whole lines of pieces of UTF-8 that break anywhere.</summary>
internal sealed class LineSplitter(Action<string> line)
{
    /// <summary>A line that never ends is cut here, in characters.</summary>
    private const int Longest = 64 * 1024;

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
            if (_rest.Length == Longest)
            {
                Flush();
            }
        }
    }

    /// <summary>The last line, if it had no end.</summary>
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
        // A progress bar redraws itself by returning: its last state counts.
        line(text.LastIndexOf('\r') is var at and >= 0 ? text[(at + 1)..] : text);
    }
}
