using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>Time zones by their IANA names, such as <c>Europe/Berlin</c>.</summary>
internal static partial class TimeZones
{
    /// <summary>The default.</summary>
    public const string Utc = "UTC";

    /// <summary>The form of a name, for the JSON Schema.</summary>
    public const string Pattern = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$";

    private const int LongestName = 64;

    /// <summary>Files of the time zone database that are no zones: this machine's own zone, or zones with leap seconds.</summary>
    private static readonly string[] NoZones = ["localtime", "posixrules", "factory", "posix", "right"];

    private static readonly Lazy<IReadOnlyList<string>> KnownNames = new(() =>
        [.. TimeZoneInfo.GetSystemTimeZones().Select(z => z.Id).Where(id => Find(id) is not null)]
    );

    /// <summary>The names that a misspelled one is compared with.</summary>
    public static IReadOnlyList<string> Known => KnownNames.Value;

    /// <summary>The zone with this name; null when there is none. Names are those of the IANA database, in its spelling.</summary>
    public static TimeZoneInfo? Find(string name) =>
        name == Utc ? TimeZoneInfo.Utc
        // The name becomes a path of the time zone database, so its form is checked first.
        : name.Length <= LongestName
        && !name.EndsWith('\n')
        && Form().IsMatch(name)
        && !NoZones.Contains(name.Split('/')[0], StringComparer.OrdinalIgnoreCase)
        && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone)
        && zone.HasIanaId
            ? zone
        : null;

    [GeneratedRegex(Pattern, RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
