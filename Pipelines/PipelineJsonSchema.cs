using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>
/// The JSON Schema of <c>.shipinator.yaml</c> for editors, generated from the shapes that the parser itself checks files against.
/// Rules that a schema can't express (keys that exclude each other, template names) are checked by the parser only.
/// </summary>
public static class PipelineJsonSchema
{
    private static readonly JsonSerializerOptions Writing = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The schema's text (draft 2020-12), always the same for one version of the program.</summary>
    public static string Generate()
    {
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Shipinator pipeline file (.shipinator.yaml), version 1",
        };
        foreach (var (key, value) in Of(PipelineShapes.File).ToList())
        {
            schema[key] = value?.DeepClone();
        }

        schema["anyOf"] = new JsonArray([
            .. JobReader.Stages.Select(s => (JsonNode)new JsonObject { ["required"] = new JsonArray(s.Word) }),
        ]);
        return schema.ToJsonString(Writing) + "\n";
    }

    private static JsonObject Of(Shape shape) =>
        shape switch
        {
            TextShape text => Text(text),
            FlagShape => new JsonObject { ["type"] = "boolean" },
            NumberShape number => new JsonObject
            {
                ["type"] = "integer",
                ["minimum"] = number.Least,
                ["maximum"] = number.Most,
            },
            ListShape list => List(list),
            MapShape map => Map(map),
            NamedShape named => Named(named),
            EitherShape either => new JsonObject { ["anyOf"] = new JsonArray([.. either.Options.Select(o => (JsonNode)Of(o))]) },
            _ => throw new InvalidOperationException($"No schema for {shape.GetType().Name}."),
        };

    private static JsonObject Text(TextShape shape)
    {
        if (shape.Format.Choices is { } choices)
        {
            // An editor reads a plain 1 as a number, the parser as the text that it is.
            return new JsonObject { ["enum"] = new JsonArray([.. choices.SelectMany(Spellings)]) };
        }

        // The parser takes 1.20 and true as the texts that they are, an editor as a number and a boolean: both are allowed
        // where a text like that is.
        var takesNumbers = shape.Format.Pattern is null || Regex.IsMatch("5", shape.Format.Pattern);
        var schema = new JsonObject { ["type"] = takesNumbers ? new JsonArray("string", "number", "boolean") : "string" };
        if (shape.Format.Pattern is { } pattern)
        {
            schema["pattern"] = shape.Templates ? $"(?:{pattern})|\\{{\\{{" : pattern;
        }

        return schema;
    }

    private static IEnumerable<JsonNode> Spellings(string choice) =>
        int.TryParse(choice, out var number) ? [JsonValue.Create(choice), JsonValue.Create(number)] : [JsonValue.Create(choice)];

    private static JsonObject List(ListShape shape)
    {
        var list = new JsonObject
        {
            ["type"] = "array",
            ["items"] = Of(shape.Item),
            ["minItems"] = shape.Least,
            ["maxItems"] = shape.Most,
        };
        return shape.OrOne ? new JsonObject { ["anyOf"] = new JsonArray(Of(shape.Item), list) } : list;
    }

    private static JsonObject Map(MapShape shape)
    {
        var properties = new JsonObject();
        foreach (var key in shape.Keys)
        {
            var value = Of(key.Shape);
            value["description"] = key.Description;
            properties[key.Name] = value;
        }

        var map = new JsonObject
        {
            ["type"] = shape.OrNothing ? new JsonArray("object", "null") : "object",
            ["additionalProperties"] = false,
            ["properties"] = properties,
        };
        if (shape.Free)
        {
            map["patternProperties"] = new JsonObject { ["^x-"] = new JsonObject { ["description"] = "Any value; for YAML anchors." } };
        }

        var required = shape.Keys.Where(k => k.Required).Select(k => (JsonNode)k.Name).ToArray();
        if (required.Length > 0)
        {
            map["required"] = new JsonArray(required);
        }

        return map;
    }

    private static JsonObject Named(NamedShape shape)
    {
        var map = new JsonObject
        {
            ["type"] = "object",
            ["additionalProperties"] = Of(shape.Value),
            ["maxProperties"] = shape.Most,
        };
        if (shape.Known is { } known)
        {
            map["properties"] = new JsonObject([
                .. known.Select(k =>
                {
                    var value = Of(k.Shape);
                    value["description"] = k.Description;
                    return KeyValuePair.Create(k.Name, (JsonNode?)value);
                }),
            ]);
        }

        if (shape.Least > 0)
        {
            map["minProperties"] = shape.Least;
        }

        if (shape.KeyFormat.Pattern is { } pattern)
        {
            map["propertyNames"] = new JsonObject { ["pattern"] = pattern };
        }

        return map;
    }
}
