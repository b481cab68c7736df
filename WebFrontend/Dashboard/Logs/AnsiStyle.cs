namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>
/// The current graphic rendition (ECMA-48 SGR). Colors are numbers from 0 to 15, or -1 for the default; 256 colors and true colors are
/// mapped to the nearest of the sixteen, so that both themes keep their contrast.
/// </summary>
public readonly record struct AnsiStyle(
    int Foreground,
    int Background,
    bool Bold,
    bool Dim,
    bool Italic,
    bool Underline,
    bool Reverse,
    bool Strike
)
{
    /// <summary>The default style.</summary>
    public static AnsiStyle Plain { get; } = new(-1, -1, false, false, false, false, false, false);

    /// <summary>The CSS classes of the style, separated by spaces.</summary>
    public string Classes => this == Plain ? "" : string.Join(' ', ClassNames());

    /// <summary>The style after an SGR sequence with these parameters.</summary>
    public AnsiStyle After(ReadOnlySpan<char> parameters)
    {
        var style = this;
        Span<int> numbers = stackalloc int[32];
        Span<int> parts = stackalloc int[8];
        var count = 0;
        foreach (var range in parameters.Split(';'))
        {
            var parameter = parameters[range];
            if (parameter.Contains(':'))
            {
                // Values separated by colons form one parameter; the parameters before it are applied first.
                style = style.After(numbers[..count]).AfterGroup(parts[..Numbers(parameter, parts)]);
                count = 0;
            }
            else if (count < numbers.Length)
            {
                numbers[count++] = int.TryParse(parameter, out var n) ? n : 0;
            }
        }

        return style.After(numbers[..count]);
    }

    private static int Numbers(ReadOnlySpan<char> parameter, Span<int> parts)
    {
        var count = 0;
        foreach (var range in parameter.Split(':'))
        {
            if (count < parts.Length)
            {
                parts[count++] = int.TryParse(parameter[range], out var n) ? n : 0;
            }
        }

        return count;
    }

    private AnsiStyle After(ReadOnlySpan<int> numbers)
    {
        var style = this;
        for (var i = 0; i < numbers.Length; i++)
        {
            var n = numbers[i];
            if (n is 38 or 48 or 58)
            {
                var (color, used) = Extended(numbers[(i + 1)..]);
                style = style.With(n, color);
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
                7 => style with { Reverse = true },
                9 => style with { Strike = true },
                22 => style with { Bold = false, Dim = false },
                23 => style with { Italic = false },
                24 => style with { Underline = false },
                27 => style with { Reverse = false },
                29 => style with { Strike = false },
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

    /// <summary>Applies a parameter with colons: a color, with or without a color space id, or a kind of underline, 0 for none.</summary>
    private AnsiStyle AfterGroup(ReadOnlySpan<int> parts) =>
        parts switch
        {
            [38 or 48 or 58, 2, _, var r, var g, var b, ..] => With(parts[0], Nearest(r, g, b)),
            [38 or 48 or 58, .. var rest] => With(parts[0], Extended(rest).Color),
            [4, var kind, ..] => this with { Underline = kind != 0 },
            _ => this,
        };

    /// <summary>Sets the color of the text (38) or background (48). The color of the underline (58) is ignored.</summary>
    private AnsiStyle With(int what, int color) =>
        what switch
        {
            38 => this with { Foreground = color },
            48 => this with { Background = color },
            _ => this,
        };

    private static (int Color, int Used) Extended(ReadOnlySpan<int> rest) =>
        rest switch
        {
            [5, var n, ..] => (
                n < 16 ? n
                : n < 232 ? Nearest((n - 16) / 36 * 51, (n - 16) / 6 % 6 * 51, (n - 16) % 6 * 51)
                : Nearest(8 + ((n - 232) * 10), 8 + ((n - 232) * 10), 8 + ((n - 232) * 10)),
                2
            ),
            [2, var r, var g, var b, ..] => (Nearest(r, g, b), 4),
            _ => (-1, rest.Length),
        };

    private static int Nearest(int red, int green, int blue)
    {
        var bright = Math.Max(red, Math.Max(green, blue)) > 170 ? 8 : 0;
        var half = Math.Max(40, Math.Max(red, Math.Max(green, blue)) / 2);
        return bright + (red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0);
    }

    private IEnumerable<string> ClassNames()
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

        if (Reverse)
        {
            yield return "reverse";
        }

        if (Strike)
        {
            yield return "strike";
        }
    }
}
