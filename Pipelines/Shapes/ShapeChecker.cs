using System.Globalization;

namespace Shipinator.Pipelines;

/// <summary>Checks a document against a shape and reports every difference.</summary>
internal sealed class ShapeChecker(ErrorList errors)
{
    public void Check(YamlNode node, Shape shape, string path)
    {
        errors.ThrowIfCanceled();
        if (errors.IsFull)
        {
            return;
        }

        switch (shape)
        {
            case TextShape text:
                Text(node, text, path);
                break;
            case FlagShape:
                if (node is not YamlScalar { Plain: true, Value: "true" or "false" })
                {
                    Wrong(
                        node,
                        shape,
                        path,
                        node is YamlScalar { Value: "yes" or "no" or "on" or "off" or "True" or "False" }
                            ? " YAML 1.2 has only true and false."
                            : ""
                    );
                }

                break;
            case NumberShape number:
                if (!TryNumber(node, number, out _))
                {
                    Wrong(node, shape, path, "");
                }

                break;
            case ListShape list:
                List(node, list, path);
                break;
            case MapShape map:
                Map(node, map, path);
                break;
            case NamedShape named:
                Named(node, named, path);
                break;
            case EitherShape either:
                Either(node, either, path);
                break;
            default:
                throw new InvalidOperationException($"No check for {shape.GetType().Name}.");
        }
    }

    public static bool TryNumber(YamlNode? node, NumberShape shape, out int number)
    {
        number = 0;
        return node is YamlScalar { Plain: true } scalar
            && int.TryParse(scalar.Value, NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number >= shape.Least
            && number <= shape.Most;
    }

    private void Text(YamlNode node, TextShape shape, string path)
    {
        if (node is not YamlScalar scalar || scalar.IsNull)
        {
            Wrong(
                node,
                shape,
                path,
                node is YamlScalar ? " Write \"\" for an empty string."
                    : node is YamlMapping && shape.Templates ? " A value that starts with a template must be quoted."
                    : ""
            );
            return;
        }

        if (!shape.IsRaw && Characters.FindInvisible(scalar.Value, shape.Format == Formats.Any) is { } invisible)
        {
            errors.Add(
                "bad_character",
                $"{Name(path)}: '{Phrases.Shorten(scalar.Value)}' contains the character {invisible.Name}, which is not allowed here.",
                node.Line,
                node.Column,
                path
            );
            return;
        }

        if (scalar.Value.Contains("{{", StringComparison.Ordinal) && (shape.Templates || shape.Format != Formats.Any))
        {
            if (!shape.Templates)
            {
                errors.Add(
                    "template_not_here",
                    $"{Name(path)}: templates are not allowed here; expected {shape.Expected}.",
                    node.Line,
                    node.Column,
                    path
                );
            }

            return;
        }

        if (shape.Format.Problem(scalar.Value) is { } problem)
        {
            var code = shape.Format == Formats.EnvName && PipelineEnvironment.IsValidName(scalar.Value) ? "reserved_name" : "bad_value";
            errors.Add(code, Sentence(path, scalar.Value, problem, shape.Format), node.Line, node.Column, path);
        }
    }

    private void List(YamlNode node, ListShape shape, string path)
    {
        if (node is not YamlSequence list)
        {
            if (shape.OrOne && !(node is YamlScalar { IsNull: true }))
            {
                Check(node, shape.Item, path);
            }
            else
            {
                Wrong(node, shape, path, "");
            }

            return;
        }

        if (list.Items.Count < shape.Least || list.Items.Count > shape.Most)
        {
            errors.Add(
                "bad_length",
                $"{Name(path)}: the list must have {shape.Least} to {shape.Most} entries, but has {list.Items.Count}.",
                node.Line,
                node.Column,
                path
            );
        }

        for (var i = 0; i < list.Items.Count; i++)
        {
            Check(list.Items[i], shape.Item, $"{path}[{i}]");
        }
    }

    private void Map(YamlNode node, MapShape shape, string path)
    {
        if (node is not YamlMapping map)
        {
            if (!(shape.OrNothing && node is YamlScalar { IsNull: true }))
            {
                Wrong(node, shape, path, "");
            }

            return;
        }

        foreach (var (key, value) in map.Entries)
        {
            if (shape.Keys.FirstOrDefault(k => k.Name == key.Value) is { } known)
            {
                Check(value, known.Shape, Join(path, key.Value));
            }
            else if (!shape.Free || !key.Value.StartsWith("x-", StringComparison.Ordinal))
            {
                var names = shape.Keys.Select(k => k.Name).ToList();
                errors.Add(
                    "unknown_key",
                    $"{Name(path)}: unknown key '{Phrases.Shorten(key.Value)}'.{errors.DidYouMean(key.Value, names)} "
                        + Phrases.Expected(names, "No key is allowed here; remove it."),
                    key.Line,
                    key.Column,
                    Join(path, key.Value)
                );
            }
        }

        foreach (var missing in shape.Keys.Where(k => k.Required && !map.Has(k.Name)))
        {
            errors.Add(
                "missing_key",
                $"{Name(path)}: the key '{missing.Name}' is required in {shape.What}; expected {missing.Shape.Expected}.",
                node.Line,
                node.Column,
                Join(path, missing.Name)
            );
        }
    }

    private void Named(YamlNode node, NamedShape shape, string path)
    {
        if (node is not YamlMapping map)
        {
            Wrong(node, shape, path, "");
            return;
        }

        if (map.Entries.Count < shape.Least || map.Entries.Count > shape.Most)
        {
            errors.Add(
                "bad_length",
                $"{Name(path)}: the map must have {shape.Least} to {shape.Most} entries, but has {map.Entries.Count}.",
                node.Line,
                node.Column,
                path
            );
        }

        foreach (var (key, value) in map.Entries)
        {
            if (shape.Known?.FirstOrDefault(k => k.Name == key.Value) is { } known)
            {
                Check(value, known.Shape, Join(path, key.Value));
                continue;
            }

            if (Characters.FindInvisible(key.Value, isText: false) is { } invisible)
            {
                errors.Add(
                    "bad_character",
                    $"{Name(path)}: the name '{Phrases.Shorten(key.Value)}' contains the character {invisible.Name}, which is not allowed "
                        + $"here.",
                    key.Line,
                    key.Column,
                    Join(path, key.Value)
                );
            }
            else if (shape.KeyFormat.Problem(key.Value) is { } problem)
            {
                var code = shape.KeyFormat == Formats.EnvName && PipelineEnvironment.IsValidName(key.Value) ? "reserved_name" : "bad_name";
                errors.Add(code, Sentence(path, key.Value, problem, shape.KeyFormat), key.Line, key.Column, Join(path, key.Value));
            }

            Check(value, shape.Value, Join(path, key.Value));
        }
    }

    private void Either(YamlNode node, EitherShape shape, string path)
    {
        var fitting = shape.Options.Where(o => Fits(node, o)).ToList();
        if (fitting.Count == 0)
        {
            Wrong(node, shape, path, "");
            return;
        }

        // A scalar that is a valid flag or number is checked as one; any other is checked as text, whose format the error then names.
        Check(node, fitting.FirstOrDefault(o => IsWhole(node, o)) ?? fitting[^1], path);
    }

    private static bool Fits(YamlNode node, Shape shape) =>
        (node, shape) switch
        {
            (YamlScalar { IsNull: true }, MapShape { OrNothing: true }) => true,
            (YamlScalar { IsNull: true }, _) => false,
            (YamlScalar, TextShape or FlagShape or NumberShape) => true,
            (YamlSequence, ListShape) => true,
            (_, ListShape { OrOne: true } list) => Fits(node, list.Item),
            (YamlMapping, MapShape or NamedShape) => true,
            (_, EitherShape either) => either.Options.Any(o => Fits(node, o)),
            _ => false,
        };

    private static bool IsWhole(YamlNode node, Shape shape) =>
        (node, shape) is (YamlScalar { Plain: true, Value: "true" or "false" }, FlagShape)
        || shape is NumberShape number && TryNumber(node, number, out _)
        || shape is not (FlagShape or NumberShape or TextShape);

    private void Wrong(YamlNode node, Shape shape, string path, string hint) =>
        errors.Add("wrong_type", $"{Name(path)} is {node.Kind}; expected {shape.Expected}.{hint}", node.Line, node.Column, path);

    private static string Sentence(string path, string text, string problem, Format format) =>
        problem switch
        {
            "" => $"{Name(path)}: '{Phrases.Shorten(text)}' is not valid; expected {format.Expected}.",
            [' ', ..] => $"{Name(path)}: '{Phrases.Shorten(text)}' is not valid; expected {format.Expected}.{problem}",
            [.., '.'] => $"{Name(path)}: '{Phrases.Shorten(text)}' {problem}",
            _ => $"{Name(path)}: '{Phrases.Shorten(text)}' {problem}; expected {format.Expected}.",
        };

    private static string Name(string path) => path.Length == 0 ? "The file" : path;

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{Phrases.Shorten(key)}";
}
