namespace Shipinator.Pipelines;

/// <summary>Reads <c>clone</c>: each key of an inner level wins over the same key of the levels around it.</summary>
internal static class CloneReader
{
    /// <summary>The shape of <c>clone</c>, for the file, a stage and a job.</summary>
    public static Key Key { get; } =
        new(
            "clone",
            new MapShape(
                "a clone",
                [
                    new("depth", new NumberShape(0, 1_000_000), "How many commits of history; 0: all; 1 by default."),
                    new("tags", new FlagShape(), "Whether all tags are fetched; false by default."),
                    new(
                        "submodules",
                        new EitherShape(
                            new FlagShape(),
                            new TextShape(Formats.OneOf("recursive") with { Expected = "true, false or recursive" })
                        ),
                        "Whether submodules are fetched; false by default."
                    ),
                    new("lfs", new FlagShape(), "Whether the content of Git LFS files is fetched; false by default."),
                    new("filter", new TextShape(Filter), "A partial clone, such as blob:none."),
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
