using System.Text;

namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>A part of a line in one style.</summary>
/// <param name="Text">Plain text, never markup.</param>
/// <param name="Classes">CSS classes of <c>run.css</c>, or empty.</param>
public sealed record LogSpan(string Text, string Classes);

/// <summary>Converts lines with terminal control sequences to styled spans.</summary>
public static class Ansi
{
    /// <summary>How many characters of a line are shown; the download contains all of them.</summary>
    public const int MaxDisplayedLength = 8000;

    /// <summary>
    /// The spans of a line as a terminal shows it. <paramref name="style"/> is the style at the start of the line and is updated to the
    /// style at its end. A carriage return moves to the first column, where later text overwrites earlier text. Sequences that do not
    /// style, erase or move within the line are removed. <paramref name="unread"/> is the number of further characters that were not read.
    /// </summary>
    public static IReadOnlyList<LogSpan> Spans(string line, ref AnsiStyle style, long unread = 0)
    {
        ArgumentNullException.ThrowIfNull(line);
        var screen = new AnsiLine(MaxDisplayedLength);
        style = screen.Print(line, style);
        return screen.Spans(unread);
    }

    /// <summary>The full text of a line as a terminal shows it, without styles.</summary>
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

    /// <summary>Updates the style as the line does, without producing spans.</summary>
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

    /// <summary>The index of the last character of a control sequence.</summary>
    internal static int SequenceEnd(string line, int start)
    {
        if (start + 1 >= line.Length)
        {
            return start;
        }

        if (line[start + 1] == ']')
        {
            // An operating system command (OSC) ends with BEL or ESC \.
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
