namespace Shipinator.Pipelines;

/// <summary>
/// The allowed form of a node of the file. One declaration is used by the strict check, the "did you mean" suggestions and the JSON Schema,
/// so that they can't differ.
/// </summary>
internal abstract record Shape
{
    /// <summary>Completes "expected …".</summary>
    public abstract string Expected { get; }
}

/// <summary>A scalar whose text has a format.</summary>
/// <param name="Format">The format.</param>
/// <param name="Templates">Whether <c>{{ .name }}</c> is allowed; the format is then checked after substitution.</param>
/// <param name="IsRaw">Whether invisible characters are allowed: scripts, arguments, environment.</param>
internal sealed record TextShape(Format Format, bool Templates = false, bool IsRaw = false) : Shape
{
    public override string Expected => Format.Expected;
}

/// <summary><c>true</c> or <c>false</c>.</summary>
internal sealed record FlagShape : Shape
{
    public override string Expected => "true or false";
}

/// <summary>A whole number.</summary>
internal sealed record NumberShape(int Least, int Most) : Shape
{
    public override string Expected => $"a whole number from {Least} to {Most}";
}

/// <summary>A list; with <paramref name="OrOne"/> a single item is a list of one.</summary>
internal sealed record ListShape(Shape Item, bool OrOne = false, int Most = PipelineLimits.ListItems, int Least = 1) : Shape
{
    public override string Expected => OrOne ? $"{Item.Expected}, or a list of them" : "a list";
}

/// <summary>
/// A map with known keys; with <paramref name="OrNothing"/> an empty value is an empty map; with <paramref name="Free"/> keys that start
/// with <c>x-</c> may have any value, for anchors.
/// </summary>
internal sealed record MapShape(string What, IReadOnlyList<Key> Keys, bool OrNothing = false, bool Free = false) : Shape
{
    public override string Expected =>
        $"a map ({What}) {(Keys.Count == 0 ? "without keys" : $"with the keys {Phrases.List(Keys.Select(k => k.Name))}")}";
}

/// <summary>A map whose keys the user chooses, except for <paramref name="Known"/> keys, which have their own shapes.</summary>
internal sealed record NamedShape(
    Format KeyFormat,
    Shape Value,
    int Most = PipelineLimits.ListItems,
    int Least = 0,
    IReadOnlyList<Key>? Known = null
) : Shape
{
    public override string Expected => "a map";
}

/// <summary>One of several shapes, told apart by the kind of the node: scalar, list or map.</summary>
internal sealed record EitherShape(params Shape[] Options) : Shape
{
    public override string Expected => string.Join(", or ", Options.Select(o => o.Expected));
}

/// <summary>A key of a <see cref="MapShape"/>.</summary>
internal sealed record Key(string Name, Shape Shape, string Description, bool Required = false);
