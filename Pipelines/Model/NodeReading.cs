using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>
/// Reads values from nodes. A node of the wrong kind reads as absent: <see cref="ShapeChecker"/> has already reported it, and the rest of
/// the file is still checked.
/// </summary>
internal static class NodeReading
{
    public static string? Text(this YamlMapping map, string key) => (map.Find(key) as YamlScalar)?.Value;

    public static YamlMapping? Map(this YamlMapping map, string key) => map.Find(key) as YamlMapping;

    /// <summary>The entries of a map, up to the limit; more have been reported.</summary>
    public static IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries(this YamlMapping map, string key) =>
        Cut(map.Map(key)?.Entries ?? [], PipelineLimits.EnvEntries);

    /// <summary>The items of a list, up to the limit; a single value is a list of one; null when absent.</summary>
    public static IReadOnlyList<YamlNode>? Items(this YamlMapping map, string key) =>
        map.Find(key) switch
        {
            null => null,
            YamlSequence list => Cut(list.Items, PipelineLimits.ListItems),
            var one => [one],
        };

    public static IReadOnlyList<T> Cut<T>(IReadOnlyList<T> items, int most) => items.Count <= most ? items : [.. items.Take(most)];

    public static IReadOnlyList<string>? Texts(this YamlMapping map, string key) =>
        map.Items(key)?.OfType<YamlScalar>().Select(s => s.Value).ToList();

    /// <summary>The patterns, compiled once per node even behind aliases; invalid ones have been reported and are ignored.</summary>
    public static GlobList? Globs(this YamlMapping map, string key) =>
        map.Find(key) is { } node ? node.Globs ??= GlobList.Of(map.Texts(key)!, out _) : null;

    public static bool? Flag(this YamlMapping map, string key) =>
        map.Text(key) switch
        {
            "true" => true,
            "false" => false,
            _ => null,
        };

    public static TimeSpan? Duration(this YamlMapping map, string key) =>
        map.Text(key) is { } text && Durations.TryParse(text, out var duration) ? duration : null;

    public static int? Number(this YamlMapping map, string key) =>
        ShapeChecker.TryNumber(map.Find(key), new NumberShape(0, int.MaxValue), out var number) ? number : null;
}
