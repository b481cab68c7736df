using System.Globalization;

namespace Shipinator;

/// <summary>Formats limits for display.</summary>
public static class Limits
{
    /// <summary>A limit without rounding: <c>5 s</c>, <c>1 h 30 min</c>, <c>0.25 s</c>.</summary>
    public static string InWords(this TimeSpan limit)
    {
        var whole = new TimeSpan(limit.Days, limit.Hours, limit.Minutes, 0);
        string[] parts =
        [
            Part(limit.Days, "d"),
            Part(limit.Hours, "h"),
            Part(limit.Minutes, "min"),
            Part((limit - whole).TotalSeconds, "s"),
        ];
        var said = string.Join(' ', parts.Where(p => p.Length > 0));
        return said.Length > 0 ? said : "0 s";
    }

    private static string Part(double count, string unit) =>
        count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{count:0.###} {unit}");
}
