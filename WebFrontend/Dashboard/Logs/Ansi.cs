using System.Text;

namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>A stretch of a line in one style: text, never markup.</summary>
/// <param name="Text">What to show.</param>
/// <param name="Classes">CSS classes of <c>app.css</c>, or empty.</param>
public sealed record LogSpan(string Text, string Classes);

/// <summary>Lines of a terminal as spans.</summary>
public static class Ansi
{
    /// <summary>Longer lines are cut on the screen; the download has all of them.</summary>
    public const int LongestLine = 8000;

    /// <summary>
    /// The spans of a line as a terminal shows them, beginning in <paramref name="style"/>, which is left as the line leaves it.
    /// A carriage return only moves back to the first column: what is printed then takes the place of what stood there.
    /// Sequences that neither colour, erase nor move within the line are dropped. <paramref name="unread"/>: characters that
    /// follow and are not at hand.
    /// </summary>
    public static IReadOnlyList<LogSpan> Spans(string line, ref AnsiStyle style, long unread = 0)
    {
        ArgumentNullException.ThrowIfNull(line);
        var screen = new AnsiLine(LongestLine);
        style = screen.Print(line, style);
        return screen.Spans(unread);
    }

    /// <summary>The text of a line as a terminal shows it, in whole.</summary>
    public static string Text(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (!line.AsSpan().ContainsAnyInRange('\0', '\u001f'))
        {
            return line;
        }

        var screen = new AnsiLine(line.Length);
        screen.Print(line, AnsiStyle.Plain);
        return screen.Text;
    }

    /// <summary>Only the effect of a line on the style.</summary>
    public static void Skip(ReadOnlySpan<byte> line, ref AnsiStyle style)
    {
        if (!line.Contains((byte)0x1b))
        {
            return;
        }

        var text = Encoding.UTF8.GetString(line);
        for (var i = text.IndexOf('\u001b', StringComparison.Ordinal); i >= 0; i = text.IndexOf('\u001b', i))
        {
            var end = SequenceEnd(text, i);
            if (end < text.Length && text[end] == 'm' && text[i + 1] == '[')
            {
                style = style.After(text.AsSpan(i + 2, end - i - 2));
            }

            i = end + 1;
            if (i >= text.Length)
            {
                break;
            }
        }
    }

    /// <summary>The index of a sequence's last character.</summary>
    internal static int SequenceEnd(string line, int start)
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
