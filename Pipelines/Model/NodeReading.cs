using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>
/// Takes values out of nodes. A node of the wrong kind reads as absent: <see cref="ShapeChecker"/> has reported it, and the
/// rest of the file is still to be checked.
/// </summary>
internal static class NodeReading
{
    public static string? Text(this YamlMapping map, string key) => (map.Find(key) as YamlScalar)?.Value;

    public static YamlMapping? Map(this YamlMapping map, string key) => map.Find(key) as YamlMapping;

    /// <summary>The entries of a map, as many as any may have: that there are more was reported.</summary>
    public static IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries(this YamlMapping map, string key) =>
        Cut(map.Map(key)?.Entries ?? [], PipelineLimits.EnvEntries);

    /// <summary>The items of a list, as many as any may have; a single value counts as a list of one; null when absent.</summary>
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

    /// <summary>The patterns, compiled once however often an alias brings the node; what is no glob was reported and takes no part.</summary>
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
