using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Shipinator.Pipelines;

/// <summary>
/// Reads YAML events into nodes. Limits are counted while reading, with aliases expanded, so that a document that expands to billions of
/// nodes is refused after a few thousand events.
/// </summary>
internal sealed class YamlTreeReader
{
    private readonly ErrorList _errors;
    private readonly Dictionary<string, YamlNode?> _anchors = new(StringComparer.Ordinal);
    private readonly Parser _parser;
    private long _nodes;
    private long _characters;

    private YamlTreeReader(string text, ErrorList errors)
    {
        _errors = errors;
        _parser = new Parser(new StringReader(text));
    }

    /// <summary>The document's root; null, with an error added, when it can't be read or is empty.</summary>
    public static YamlNode? Read(string text, ErrorList errors)
    {
        if (Encoding.UTF8.GetByteCount(text) > PipelineLimits.FileBytes)
        {
            errors.Add(
                "too_large",
                $"The file is larger than {PipelineLimits.FileBytes / 1024} KiB; move scripts into files of the repository and call them.",
                0,
                0,
                ""
            );
            return null;
        }

        if (text.StartsWith('\uFEFF'))
        {
            text = text[1..];
        }

        if (!IsReadable(text, errors))
        {
            return null;
        }

        var reader = new YamlTreeReader(text, errors);
        try
        {
            return reader.Document();
        }
        catch (RefusedException refused)
        {
            errors.Add(refused.Code, refused.Message, refused.Line, refused.Column, "");
        }
        catch (YamlException broken)
        {
            var (line, column) = reader.Tab(text, broken) ?? ((int)broken.Start.Line, (int)broken.Start.Column);
            errors.Add("bad_yaml", $"This is not valid YAML: {Sentence(broken)}", Math.Max(1, line), Math.Max(1, column), "");
        }
        catch (Exception broken)
            when (broken
                    is ArgumentException
                        or InvalidOperationException
                        or FormatException
                        or OverflowException
                        or IndexOutOfRangeException
            )
        {
            // The scanner throws exceptions of the base library for some invalid escapes and directives.
            var near = reader._parser.Current?.End;
            errors.Add(
                "bad_yaml",
                "This is not valid YAML, at this position or shortly after it.",
                Math.Max(1, (int)(near?.Line ?? 1)),
                Math.Max(1, (int)(near?.Column ?? 1)),
                ""
            );
        }

        return null;
    }

    /// <summary>
    /// YAML allows no control characters except tabs and line breaks; the parser would take a NUL for the end of the file.
    /// </summary>
    private static bool IsReadable(string text, ErrorList errors)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i]) && text[i] is not ('\t' or '\n' or '\r'))
            {
                var before = text.AsSpan(0, i);
                var (_, name) = Characters.FindInvisible(text.Substring(i, 1), isText: true)!.Value;
                errors.Add(
                    "bad_character",
                    $"The file contains the control character {name}; write it as an escape in double quotes, such as \"\\e\".",
                    before.Count('\n') + 1,
                    i - before.LastIndexOf('\n'),
                    ""
                );
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// The position of a tab in the indentation, or null: the scanner reports such a tab at the start of the enclosing construct.
    /// </summary>
    private (int Line, int Column)? Tab(string text, YamlException broken)
    {
        if (!broken.Message.Contains("tab", StringComparison.Ordinal))
        {
            return null;
        }

        var lines = text.Split('\n');
        for (var line = (int)Math.Max(Math.Max(1, broken.Start.Line), _parser.Current?.End.Line ?? 1); line <= lines.Length; line++)
        {
            var indentation = lines[line - 1].AsSpan(0, lines[line - 1].Length - lines[line - 1].AsSpan().TrimStart(" \t").Length);
            var tab = indentation.IndexOf('\t');
            if (tab >= 0 && indentation.Length < lines[line - 1].TrimEnd('\r').Length)
            {
                return (line, tab + 1);
            }
        }

        return null;
    }

    private static string Sentence(YamlException broken)
    {
        var message = broken.InnerException is YamlException inner ? inner.Message : broken.Message;
        return message.EndsWith('.') ? message : message + ".";
    }

    private YamlNode? Document()
    {
        _parser.Consume<StreamStart>();
        if (!_parser.Accept<DocumentStart>(out _))
        {
            _errors.Add("empty_file", "The file is empty; expected at least one of 'build', 'test', 'deploy'.", 1, 1, "");
            return null;
        }

        _parser.Consume<DocumentStart>();
        var root = Node(depth: 1);
        _parser.Consume<DocumentEnd>();
        while (_parser.TryConsume<DocumentStart>(out var second))
        {
            // Some editors and templates end a file with '---' and nothing after it.
            if (
                !_parser.TryConsume<Scalar>(out var nothing)
                || nothing.Value.Length > 0
                || nothing.Style != ScalarStyle.Plain
                || !_parser.TryConsume<DocumentEnd>(out _)
            )
            {
                throw Refuse(
                    "many_documents",
                    "A second YAML document starts here; a pipeline file must be a single document.",
                    second.Start
                );
            }
        }

        _parser.Consume<StreamEnd>();
        return root;
    }

    private YamlNode Node(int depth)
    {
        _errors.ThrowIfCanceled();
        var at = _parser.Current ?? throw new YamlException("The document ends unexpectedly.");
        if (depth > PipelineLimits.Depth)
        {
            throw Refuse("too_deep", $"The document is nested more than {PipelineLimits.Depth} levels deep.", at.Start);
        }

        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return Alias(alias);
        }

        if (_parser.TryConsume<Scalar>(out var scalar))
        {
            return Register(scalar, ScalarNode(scalar));
        }

        if (_parser.TryConsume<SequenceStart>(out var sequence))
        {
            Begin(sequence);
            var items = new List<YamlNode>();
            while (!_parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(Node(depth + 1));
            }

            return Register(sequence, new YamlSequence(items, Line(sequence), Column(sequence)));
        }

        if (_parser.TryConsume<MappingStart>(out var mapping))
        {
            Begin(mapping);
            return Register(mapping, Mapping(mapping, depth));
        }

        throw new YamlException(at.Start, at.End, "A value was expected.");
    }

    private YamlMapping Mapping(MappingStart start, int depth)
    {
        var entries = new List<(YamlScalar Key, YamlNode Value)>();
        var merged = new List<YamlMapping>();
        var seen = new Dictionary<string, YamlScalar>(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var keyNode = Node(depth + 1);
            var value = Node(depth + 1);
            if (keyNode is not YamlScalar key)
            {
                _errors.Add(
                    "bad_key",
                    $"A key must be text, but is {keyNode.Kind}. Quote the value if it starts with a template.",
                    keyNode.Line,
                    keyNode.Column,
                    ""
                );
            }
            else if (key is { Value: "<<", Plain: true })
            {
                Merge(value, merged);
            }
            else if (!seen.TryAdd(key.Value, key))
            {
                _errors.Add(
                    "duplicate_key",
                    $"The key '{Phrases.Shorten(key.Value)}' is already used in line {seen[key.Value].Line}; remove one of them.",
                    key.Line,
                    key.Column,
                    ""
                );
            }
            else
            {
                entries.Add((key, value));
            }
        }

        // A key of the map itself wins over a merged one, and an earlier merge over a later one.
        foreach (var entry in merged.SelectMany(m => m.Entries))
        {
            if (seen.TryAdd(entry.Key.Value, entry.Key))
            {
                entries.Add(entry);
            }
        }

        return new YamlMapping(entries, Line(start), Column(start));
    }

    private void Merge(YamlNode value, List<YamlMapping> merged)
    {
        switch (value)
        {
            case YamlMapping map:
                merged.Add(map);
                break;
            case YamlSequence list when list.Items.All(i => i is YamlMapping):
                merged.AddRange(list.Items.Cast<YamlMapping>());
                break;
            default:
                _errors.Add("bad_merge", $"'<<' must be a map or a list of maps, but is {value.Kind}.", value.Line, value.Column, "");
                break;
        }
    }

    private YamlScalar ScalarNode(Scalar scalar)
    {
        Begin(scalar);
        Count(0, scalar.Value.Length, scalar.Start);
        if (Phrases.HasForbiddenCharacter(scalar.Value))
        {
            _errors.Add(
                "bad_character",
                "This value contains a NUL character or an unpaired surrogate, which can't be passed to a process or stored.",
                Line(scalar),
                Column(scalar),
                ""
            );
        }

        return new YamlScalar(
            scalar.Value,
            scalar.Style == ScalarStyle.Plain,
            scalar.Style == ScalarStyle.Literal,
            Line(scalar),
            Column(scalar)
        );
    }

    private YamlNode Alias(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
        {
            throw Refuse(
                "unknown_anchor",
                $"The anchor '&{Phrases.Shorten(alias.Value.Value)}' is not defined before this alias.",
                alias.Start
            );
        }

        if (node is null)
        {
            throw Refuse("endless_alias", $"The alias '*{Phrases.Shorten(alias.Value.Value)}' is inside its own anchor.", alias.Start);
        }

        Count(node.Nodes, node.Characters, alias.Start);
        return node;
    }

    private void Begin(NodeEvent node)
    {
        Count(1, 0, node.Start);
        if (!node.Tag.IsEmpty && node.Tag.Value != "!")
        {
            throw Refuse(
                "bad_tag",
                $"The tag '{Phrases.Shorten(node.Tag.Value)}' is not supported; quote the value if it starts with '!'.",
                node.Start
            );
        }

        if (!node.Anchor.IsEmpty)
        {
            _anchors[node.Anchor.Value] = null;
        }
    }

    private YamlNode Register(NodeEvent start, YamlNode node)
    {
        if (!start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor.Value] = node;
        }

        return node;
    }

    private void Count(long nodes, long characters, Mark at)
    {
        _nodes += nodes;
        _characters += characters;
        if (_nodes > PipelineLimits.Nodes)
        {
            throw Refuse("too_many_nodes", $"With aliases expanded, the document has more than {PipelineLimits.Nodes} nodes.", at);
        }

        if (_characters > PipelineLimits.Characters)
        {
            throw Refuse("too_large", $"With aliases expanded, the document has more than {PipelineLimits.Characters} characters.", at);
        }
    }

    private static int Line(ParsingEvent e) => (int)e.Start.Line;

    private static int Column(ParsingEvent e) => (int)e.Start.Column;

    private static RefusedException Refuse(string code, string message, Mark at) => new(code, message, (int)at.Line, (int)at.Column);

    /// <summary>Stops reading: nothing that follows could be trusted.</summary>
    private sealed class RefusedException(string code, string message, int line, int column) : Exception(message)
    {
        public string Code { get; } = code;

        public int Line { get; } = line;

        public int Column { get; } = column;
    }
}
