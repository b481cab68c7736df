namespace Shipinator.Pipelines;

/// <summary>
/// What a node of the file may look like. One declaration serves the strict check, the "did you mean" and the JSON Schema,
/// so that they can't disagree.
/// </summary>
internal abstract record Shape
{
    /// <summary>Completes "expected …".</summary>
    public abstract string Expected { get; }
}

/// <summary>A scalar whose text has a format.</summary>
/// <param name="Format">The format.</param>
/// <param name="Templates">Whether <c>{{ .name }}</c> may stand in it; the format is then checked after substitution.</param>
/// <param name="IsRaw">Whether any character may stand in it, also one that can't be seen: scripts, arguments, environment.</param>
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

/// <summary>A list; with <paramref name="OrOne"/> a single item stands for a list of one.</summary>
internal sealed record ListShape(Shape Item, bool OrOne = false, int Most = PipelineLimits.ListItems, int Least = 1) : Shape
{
    public override string Expected => OrOne ? $"{Item.Expected}, or a list of such" : "a list";
}

/// <summary>
/// A map with known keys; with <paramref name="OrNothing"/> an empty value stands for an empty map; with <paramref name="Free"/>
/// keys that begin with <c>x-</c> may hold anything, for anchors.
/// </summary>
internal sealed record MapShape(string What, IReadOnlyList<Key> Keys, bool OrNothing = false, bool Free = false) : Shape
{
    public override string Expected => $"a map ({What}) with the keys {Phrases.List(Keys.Select(k => k.Name))}";
}

/// <summary>A map whose keys the user chooses, but for <paramref name="Known"/> ones, which have shapes of their own.</summary>
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
