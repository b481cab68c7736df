namespace Shipinator.Pipelines;

/// <summary>Reads <c>clone</c>: each key of an inner level overrides the same key of outer levels.</summary>
internal static class CloneReader
{
    /// <summary>The shape of <c>clone</c>, allowed in the file, a stage and a job.</summary>
    public static Key Key { get; } =
        new(
            "clone",
            new MapShape(
                "a clone",
                [
                    new("depth", new NumberShape(0, 1_000_000), "The number of commits of history to fetch; 0 fetches all. Default: 1."),
                    new("tags", new FlagShape(), "Whether all tags are fetched. Default: false."),
                    new(
                        "submodules",
                        new EitherShape(
                            new FlagShape(),
                            new TextShape(Formats.OneOf("recursive") with { Expected = "true, false or recursive" })
                        ),
                        "Whether submodules are fetched. Default: false."
                    ),
                    new("lfs", new FlagShape(), "Whether the content of Git LFS files is fetched. Default: false."),
                    new("filter", new TextShape(Filter), "The filter of a partial clone, such as blob:none."),
                ]
            ),
            "How the commit is checked out."
        );

    private static Format Filter =>
        new(
            "a filter such as blob:none, blob:limit=1m or tree:0",
            t => System.Text.RegularExpressions.Regex.IsMatch(t, FilterPattern + "\\z") ? null : "",
            FilterPattern + "$"
        );

    private const string FilterPattern = "^(blob:none|blob:limit=[0-9]{1,12}[kmg]?|tree:[0-9]{1,3})";

    public static ClonePlan? Over(ClonePlan? outer, YamlMapping map)
    {
        if (map.Map("clone") is not { } clone)
        {
            return outer;
        }

        var plan = outer ?? new();
        return plan with
        {
            Depth = clone.Number("depth") ?? plan.Depth,
            Tags = clone.Flag("tags") ?? plan.Tags,
            Submodules = clone.Text("submodules") switch
            {
                null => plan.Submodules,
                "false" => null,
                var wanted => wanted,
            },
            Lfs = clone.Flag("lfs") ?? plan.Lfs,
            Filter = clone.Text("filter") ?? plan.Filter,
        };
    }
}
