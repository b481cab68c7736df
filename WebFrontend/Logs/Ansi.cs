using System.Text;

namespace Shipinator.WebFrontend.Logs;

/// <summary>A stretch of a line in one style: text, never markup.</summary>
/// <param name="Text">What to show.</param>
/// <param name="Classes">CSS classes of <c>app.css</c>, or empty.</param>
public sealed record LogSpan(string Text, string Classes);

/// <summary>
/// The graphic rendition that is in force (ECMA-48 SGR): colours 0–15 by class; of 256 and true colours the nearest of the
/// sixteen, so that both themes keep their contrast.
/// </summary>
public readonly record struct AnsiStyle(int Foreground, int Background, bool Bold, bool Dim, bool Italic, bool Underline)
{
    /// <summary>Nothing in force.</summary>
    public static AnsiStyle Plain { get; } = new(-1, -1, false, false, false, false);

    /// <summary>The classes for it.</summary>
    public string Classes => this == Plain ? "" : string.Join(' ', Words());

    /// <summary>After an SGR sequence with these parameters.</summary>
    public AnsiStyle After(ReadOnlySpan<char> parameters)
    {
        var style = this;
        Span<int> numbers = stackalloc int[32];
        var count = 0;
        foreach (var range in parameters.SplitAny(';', ':'))
        {
            if (count < numbers.Length)
            {
                numbers[count++] = int.TryParse(parameters[range], out var n) ? n : 0;
            }
        }

        for (var i = 0; i < count; i++)
        {
            var n = numbers[i];
            if (n is 38 or 48)
            {
                var (colour, used) = Extended(numbers[(i + 1)..count]);
                style = n == 38 ? style with { Foreground = colour } : style with { Background = colour };
                i += used;
                continue;
            }

            style = n switch
            {
                0 => Plain,
                1 => style with { Bold = true },
                2 => style with { Dim = true },
                3 => style with { Italic = true },
                4 => style with { Underline = true },
                22 => style with { Bold = false, Dim = false },
                23 => style with { Italic = false },
                24 => style with { Underline = false },
                >= 30 and <= 37 => style with { Foreground = n - 30 },
                39 => style with { Foreground = -1 },
                >= 40 and <= 47 => style with { Background = n - 40 },
                49 => style with { Background = -1 },
                >= 90 and <= 97 => style with { Foreground = n - 90 + 8 },
                >= 100 and <= 107 => style with { Background = n - 100 + 8 },
                _ => style,
            };
        }

        return style;
    }

    private static (int Colour, int Used) Extended(ReadOnlySpan<int> rest) => rest switch
    {
        [5, var n, ..] => (n < 16 ? n : n < 232 ? Nearest((n - 16) / 36 * 51, (n - 16) / 6 % 6 * 51, (n - 16) % 6 * 51) : Nearest(8 + ((n - 232) * 10), 8 + ((n - 232) * 10), 8 + ((n - 232) * 10)), 2),
        [2, var r, var g, var b, ..] => (Nearest(r, g, b), 4),
        _ => (-1, rest.Length),
    };

    private static int Nearest(int red, int green, int blue)
    {
        var bright = Math.Max(red, Math.Max(green, blue)) > 170 ? 8 : 0;
        var half = Math.Max(40, Math.Max(red, Math.Max(green, blue)) / 2);
        return bright + (red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0);
    }

    private IEnumerable<string> Words()
    {
        if (Foreground >= 0)
        {
            yield return $"fg{Foreground}";
        }

        if (Background >= 0)
        {
            yield return $"bg{Background}";
        }

        if (Bold)
        {
            yield return "bold";
        }

        if (Dim)
        {
            yield return "dim";
        }

        if (Italic)
        {
            yield return "italic";
        }

        if (Underline)
        {
            yield return "underline";
        }
    }
}

/// <summary>Lines of a terminal as spans.</summary>
public static class Ansi
{
    /// <summary>Longer lines are cut on the screen; the download has all of them.</summary>
    public const int LongestLine = 8000;

    /// <summary>
    /// The spans of a line, beginning in <paramref name="style"/>, which is left as the line leaves it. What a carriage return
    /// overwrote is not shown; other control sequences are dropped.
    /// </summary>
    public static IReadOnlyList<LogSpan> Spans(string line, ref AnsiStyle style)
    {
        ArgumentNullException.ThrowIfNull(line);
        var spans = new List<LogSpan>();
        var text = new StringBuilder();
        var length = 0;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\u001b')
            {
                var end = SequenceEnd(line, i);
                if (end < line.Length && line[end] == 'm' && line[i + 1] == '[')
                {
                    Flush(spans, text, style);
                    style = style.After(line.AsSpan(i + 2, end - i - 2));
                }

                i = end;
            }
            else if (c == '\r')
            {
                if (i < line.Length - 1)
                {
                    spans.Clear();
                    text.Clear();
                    length = 0;
                }
            }
            else if (c is '\t' or >= ' ' and not '\u007f')
            {
                if (++length <= LongestLine)
                {
                    text.Append(c);
                }
            }
        }

        if (length > LongestLine)
        {
            text.Append($" … {length - LongestLine} more characters");
        }

        Flush(spans, text, style);
        return spans;
    }

    /// <summary>Only the effect of a line on the style.</summary>
    public static void Skip(ReadOnlySpan<byte> line, ref AnsiStyle style)
    {
        if (line.Contains((byte)0x1b))
        {
            Spans(Encoding.UTF8.GetString(line), ref style);
        }
    }

    private static void Flush(List<LogSpan> spans, StringBuilder text, AnsiStyle style)
    {
        if (text.Length > 0)
        {
            spans.Add(new(text.ToString(), style.Classes));
            text.Clear();
        }
    }

    /// <summary>The index of a sequence's last character.</summary>
    private static int SequenceEnd(string line, int start)
    {
        if (start + 1 >= line.Length)
        {
            return start;
        }

        if (line[start + 1] == ']')
        {
            // An operating system command: ends with BEL or ESC \.
            for (var i = start + 2; i < line.Length; i++)
            {
                if (line[i] == '\u0007')
                {
                    return i;
                }

                if (line[i] == '\u001b' && i + 1 < line.Length && line[i + 1] == '\\')
                {
                    return i + 1;
                }
            }

            return line.Length - 1;
        }

        if (line[start + 1] != '[')
        {
            return start + 1;
        }

        for (var i = start + 2; i < line.Length; i++)
        {
            if (line[i] is >= '@' and <= '~')
            {
                return i;
            }
        }

        return line.Length - 1;
    }
}
