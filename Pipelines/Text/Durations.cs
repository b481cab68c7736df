using System.Globalization;
using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>Durations of the pipeline file: <c>90s</c>, <c>30m</c>, <c>1h30m</c>, <c>2d</c>.</summary>
internal static partial class Durations
{
    /// <summary>The format, also for the JSON Schema.</summary>
    public const string Pattern = "^(?=[0-9])([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$";

    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var match = Form().Match(text);
        if (!match.Success || text.EndsWith('\n'))
        {
            return false;
        }

        duration =
            TimeSpan.FromDays(Part(match, 1))
            + TimeSpan.FromHours(Part(match, 2))
            + TimeSpan.FromMinutes(Part(match, 3))
            + TimeSpan.FromSeconds(Part(match, 4));
        return duration > TimeSpan.Zero && duration <= Longest;
    }

    /// <summary>The shortest form that <see cref="TryParse"/> reads back.</summary>
    public static string Write(TimeSpan duration) =>
        string.Concat(
            Unit((int)duration.TotalDays, "d"),
            Unit(duration.Hours, "h"),
            Unit(duration.Minutes, "m"),
            Unit(duration.Seconds, "s")
        );

    private static string Unit(int count, string unit) => count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{count}{unit}");

    private static int Part(Match match, int group) =>
        match.Groups[group].Success ? int.Parse(match.Groups[group].ValueSpan[..^1], NumberStyles.None, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(Pattern, RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
