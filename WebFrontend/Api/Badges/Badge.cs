using System.Globalization;
using System.Security;
using System.Text;

namespace Shipinator.WebFrontend.Api.Badges;

/// <summary>
/// A badge in the flat style of shields.io: one SVG without scripts, links, styles or outside references. All text is escaped, and its
/// width is estimated, because a badge brings no font.
/// </summary>
public static class Badge
{
    /// <summary>The longest text on either side, in characters.</summary>
    public const int MaxText = 60;

    private const string Green = "#4c1";
    private const string Red = "#e05d44";
    private const string Yellow = "#dfb317";
    private const string Gray = "#9f9f9f";

    /// <summary>The text and the color for the newest run; null: there is none.</summary>
    public static (string Text, string Color) Of(Status? status) =>
        status switch
        {
            null => ("no runs", Gray),
            Status.Success => ("passing", Green),
            Status.Failed => ("failing", Red),
            Status.Running => ("running", Yellow),
            Status.Pending => ("queued", Yellow),
            Status.Canceled => ("canceled", Gray),
            var other => (other.Value.Word(), Gray),
        };

    /// <summary>What a caller gets who may not see the repository, and for an id that does not exist.</summary>
    public static string Unknown(string label) => Svg(label, "unknown", Gray);

    /// <summary>The SVG document.</summary>
    public static string Svg(string label, string text, string color)
    {
        ArgumentNullException.ThrowIfNull(label);
        ArgumentNullException.ThrowIfNull(text);
        (label, text) = (Cut(label), Cut(text));
        var (left, right) = (Width(label) + 10, Width(text) + 10);
        var total = left + right;
        var (safeLabel, safeText) = (SecurityElement.Escape(label)!, SecurityElement.Escape(text)!);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" aria-label="{safeLabel}: {safeText}">
            <title>{safeLabel}: {safeText}</title>
            <linearGradient id="s" x2="0" y2="100%">
            <stop offset="0" stop-color="#bbb" stop-opacity=".1"/><stop offset="1" stop-opacity=".1"/>
            </linearGradient>
            <clipPath id="r"><rect width="{total}" height="20" rx="3" fill="#fff"/></clipPath>
            <g clip-path="url(#r)">
            <rect width="{left}" height="20" fill="#555"/><rect x="{left}" width="{right}" height="20" fill="{color}"/>
            <rect width="{total}" height="20" fill="url(#s)"/>
            </g>
            <g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
            {Text(safeLabel, left / 2.0, left - 10)}
            {Text(safeText, left + (right / 2.0), right - 10)}
            </g>
            </svg>

            """
        );
    }

    private static string Text(string text, double x, int width) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            <text x="{x}" y="15" fill="#010101" fill-opacity=".3" textLength="{width}" aria-hidden="true">{text}</text>
            <text x="{x}" y="14" textLength="{width}">{text}</text>
            """
        );

    /// <summary>One line of characters that XML allows, none of which changes the direction of the text.</summary>
    private static string Cut(string text)
    {
        var line = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (line.Length >= MaxText)
            {
                line.Append('…');
                break;
            }

            if (
                Rune.GetUnicodeCategory(rune)
                is not (
                    UnicodeCategory.Control
                    or UnicodeCategory.Format
                    or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator
                    or UnicodeCategory.PrivateUse
                    or UnicodeCategory.OtherNotAssigned
                )
            )
            {
                line.Append(rune);
            }
        }

        return line.ToString().Trim() is { Length: > 0 } shown ? shown : "-";
    }

    /// <summary>The width in Verdana at 11 px, roughly: <c>textLength</c> fits the text into it.</summary>
    private static int Width(string text)
    {
        var width = 0.0;
        foreach (var rune in text.EnumerateRunes())
        {
            width += rune.Value switch
            {
                'i' or 'j' or 'l' or '\'' or '|' or '.' or ',' or ':' or ';' or '!' or ' ' or 'I' => 3.6,
                'f' or 't' or 'r' or '(' or ')' or '[' or ']' or '/' or '-' => 4.8,
                'm' or 'w' or 'M' or 'W' or '%' or '@' or '…' => 10.2,
                >= 'A' and <= 'Z' => 7.9,
                < 0x300 => 6.8,
                _ => 11,
            };
        }

        return (int)Math.Ceiling(width);
    }
}
