using System.Globalization;
using System.Runtime.InteropServices;

namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>The cells of one terminal line while it is printed. The first <paramref name="capacity"/> cells are stored.</summary>
internal sealed class AnsiLine(int capacity)
{
    private readonly List<char> _text = [];
    private readonly List<AnsiStyle> _styles = [];
    private int _column;
    private int _width;

    /// <summary>The text of the stored cells.</summary>
    public string Text => new(CollectionsMarshal.AsSpan(_text));

    /// <summary>Prints text that starts in a style, and returns the style at its end.</summary>
    public AnsiStyle Print(string line, AnsiStyle style)
    {
        for (var i = 0; i < line.Length; i++)
        {
            switch (line[i])
            {
                case '\u001b':
                    var end = Ansi.SequenceEnd(line, i);
                    if (end > i + 1 && line[i + 1] == '[')
                    {
                        style = Apply(line.AsSpan(i + 2, end - i - 2), line[end], style);
                    }

                    i = end;
                    break;
                case '\r':
                    _column = 0;
                    break;
                case '\b':
                    _column = Math.Max(0, _column - 1);
                    break;
                case '\t' or >= ' ' and not '\u007f':
                    Put(line[i], style);
                    break;
            }
        }

        return style;
    }

    /// <summary>The cells grouped by style, followed by the number of characters that are not shown.</summary>
    public IReadOnlyList<LogSpan> Spans(long unread)
    {
        var spans = new List<LogSpan>();
        var text = CollectionsMarshal.AsSpan(_text);
        for (var (begin, i) = (0, 1); i <= text.Length; i++)
        {
            if (i == text.Length || _styles[i] != _styles[begin])
            {
                spans.Add(new(new(text[begin..i]), _styles[begin].Classes));
                begin = i;
            }
        }

        if (_width - _text.Count + unread is var more and > 0)
        {
            spans.Add(new(string.Create(CultureInfo.InvariantCulture, $" … {more:N0} more characters"), ""));
        }

        return spans;
    }

    private AnsiStyle Apply(ReadOnlySpan<char> parameters, char command, AnsiStyle style)
    {
        var n = int.TryParse(parameters, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        switch (command)
        {
            case 'm':
                return style.After(parameters);
            case 'K':
                Erase(n);
                break;
            case 'G':
                MoveTo(Math.Max(1, n) - 1L);
                break;
            case 'C':
                MoveTo(_column + (long)Math.Max(1, n));
                break;
            case 'D':
                MoveTo(_column - (long)Math.Max(1, n));
                break;
        }

        return style;
    }

    // The column is limited, so that a large number in a sequence does not create a line of that length.
    private void MoveTo(long column) => _column = (int)Math.Clamp(column, 0, Math.Max(capacity, _width));

    private void Put(char c, AnsiStyle style)
    {
        if (_column < capacity)
        {
            Fill(_column);
            if (_column < _text.Count)
            {
                (_text[_column], _styles[_column]) = (c, style);
            }
            else
            {
                _text.Add(c);
                _styles.Add(style);
            }
        }

        _column++;
        _width = Math.Max(_width, _column);
    }

    private void Fill(int column)
    {
        while (_text.Count < column)
        {
            _text.Add(' ');
            _styles.Add(AnsiStyle.Plain);
        }
    }

    private void Erase(int what)
    {
        if (what == 0 && _column < _width)
        {
            _width = _column;
            var kept = Math.Min(_column, _text.Count);
            CollectionsMarshal.SetCount(_text, kept);
            CollectionsMarshal.SetCount(_styles, kept);
        }
        else if (what == 1)
        {
            for (var i = 0; i <= _column && i < _text.Count; i++)
            {
                (_text[i], _styles[i]) = (' ', AnsiStyle.Plain);
            }
        }
        else if (what == 2)
        {
            _width = 0;
            _text.Clear();
            _styles.Clear();
        }
    }
}
