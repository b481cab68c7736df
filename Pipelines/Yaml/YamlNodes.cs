using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>A node of a YAML document with its position.</summary>
internal abstract class YamlNode(int line, int column)
{
    public int Line { get; } = line;

    public int Column { get; } = column;

    /// <summary>The number of nodes with aliases expanded.</summary>
    public abstract long Nodes { get; }

    /// <summary>The characters of its scalars with aliases expanded.</summary>
    public abstract long Characters { get; }

    /// <summary>The compiled globs, once the node has been read as such.</summary>
    public GlobList? Globs { get; set; }

    /// <summary>How an error names it.</summary>
    public abstract string Kind { get; }
}

/// <summary>A scalar. Its text is kept verbatim: <c>1.20</c> stays <c>1.20</c>, <c>on</c> stays <c>on</c>.</summary>
internal sealed class YamlScalar(string value, bool plain, bool literal, int line, int column) : YamlNode(line, column)
{
    public string Value { get; } = value;

    public bool Plain { get; } = plain;

    /// <summary>A block of lines after <c>|</c>; the first line is one below the scalar's own.</summary>
    public bool Literal { get; } = literal;

    public bool IsNull => Plain && (Value is "" or "~" or "null" or "Null" or "NULL");

    public override long Nodes => 1;

    public override long Characters => Value.Length;

    public override string Kind => IsNull ? "empty" : $"'{Phrases.Shorten(Value)}'";
}

/// <summary>A list.</summary>
internal sealed class YamlSequence(IReadOnlyList<YamlNode> items, int line, int column) : YamlNode(line, column)
{
    public IReadOnlyList<YamlNode> Items { get; } = items;

    public override long Nodes { get; } = 1 + items.Sum(i => i.Nodes);

    public override long Characters { get; } = items.Sum(i => i.Characters);

    public override string Kind => "a list";
}

/// <summary>A map with scalar keys, each once, in the order of the file.</summary>
internal sealed class YamlMapping(IReadOnlyList<(YamlScalar Key, YamlNode Value)> entries, int line, int column) : YamlNode(line, column)
{
    private readonly Dictionary<string, YamlNode> _values = entries.ToDictionary(e => e.Key.Value, e => e.Value, StringComparer.Ordinal);

    public IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries { get; } = entries;

    public override long Nodes { get; } = 1 + entries.Sum(e => 1 + e.Value.Nodes);

    public override long Characters { get; } = entries.Sum(e => e.Key.Characters + e.Value.Characters);

    public override string Kind => "a map";

    /// <summary>The value of a key, unless it is absent or empty.</summary>
    public YamlNode? Find(string key) => _values.TryGetValue(key, out var value) && value is not YamlScalar { IsNull: true } ? value : null;

    /// <summary>Whether the key is written, with or without a value.</summary>
    public bool Has(string key) => _values.ContainsKey(key);
}
