using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;
using Node = YamlDotNet.RepresentationModel.YamlNode;

namespace Shipinator.Pipelines.Tests;

public sealed class SchemaTests
{
    private static readonly JsonObject Schema = JsonNode.Parse(PipelineJsonSchema.Generate())!.AsObject();

    [Fact]
    public void Schema_Generated_IsTheCommittedOne()
    {
        if (Environment.GetEnvironmentVariable("SHIPINATOR_ACCEPT") == "1")
        {
            File.WriteAllText(Path.Combine(Source(), "../../docs/shipinator.schema.json"), PipelineJsonSchema.Generate());
            return;
        }

        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "shipinator.schema.json")), PipelineJsonSchema.Generate());
    }

    [Theory]
    [MemberData(nameof(Table.Good), MemberType = typeof(Table))]
    public void GoodFile_AgainstTheSchema_Conforms(string name) => Assert.Empty(Check(Table.Read("good", name)));

    [Theory]
    [InlineData("bild: {}")]
    [InlineData("build: { steps: [] }")]
    [InlineData("build: { steps: [ { name: a, runn: x } ] }")]
    [InlineData("build: { steps: [ { run: x } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, timeout: 5 } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, allow_failure: maybe } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, retry: 11 } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, outputs: [ { type: thing, path: a } ] } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x } ], env: { A-B: x } }")]
    [InlineData("{ version: 2, build: { steps: [ { name: a, run: x } ] } }")]
    [InlineData("{ image: a }")]
    [InlineData("{ y-free: 1, build: { steps: [ { name: a, run: x } ] } }")]
    [InlineData("{ build: { x-free: 1, steps: [ { name: a, run: x } ] } }")]
    [InlineData("build: { steps: [ { name: \" a\", run: x } ] }")]
    [InlineData("build: { matrix: { include: [ a ] }, steps: [ { name: a, run: x } ] }")]
    [InlineData("build: { matrix: { go: [ { os: [ a ] } ] }, steps: [ { name: a, run: x } ] }")]
    public void BadFile_AgainstTheSchema_IsRefusedByBoth(string text)
    {
        Assert.NotEmpty(Check(text));
        Assert.NotEmpty(PipelineFile.Parse(text).Errors);
    }

    private static List<string> Check(string text)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));
        var problems = new List<string>();
        Check(yaml.Documents[0].RootNode, Schema, "$", problems);
        return problems;
    }

    /// <summary>A validator for the keywords that our schema uses; any other keyword fails the test.</summary>
    private static void Check(Node node, JsonObject schema, string path, List<string> problems)
    {
        foreach (var (keyword, value) in schema)
        {
            var holds = keyword switch
            {
                "$schema" or "title" or "description" => true,
                "type" => Types(value!).Any(t => Is(node, t)),
                "enum" => value!.AsArray().Any(v => v!.ToString() == Scalar(node)),
                "pattern" => node is not YamlScalarNode || !Is(node, "string") || Regex.IsMatch(Scalar(node)!, value!.ToString()),
                "minimum" => !int.TryParse(Scalar(node), out var n) || n >= value!.GetValue<int>(),
                "maximum" => !int.TryParse(Scalar(node), out var n) || n <= value!.GetValue<int>(),
                "minItems" => node is not YamlSequenceNode list || list.Children.Count >= value!.GetValue<int>(),
                "maxItems" => node is not YamlSequenceNode list || list.Children.Count <= value!.GetValue<int>(),
                "minProperties" => node is not YamlMappingNode map || map.Children.Count >= value!.GetValue<int>(),
                "maxProperties" => node is not YamlMappingNode map || map.Children.Count <= value!.GetValue<int>(),
                "required" => node is not YamlMappingNode map || value!.AsArray().All(k => Keys(map).Any(e => e.Key == k!.ToString())),
                "items" => node is not YamlSequenceNode list
                    || list.Children.Select((c, i) => Sub(c, value!, $"{path}[{i}]", problems)).ToList().TrueForAll(_ => true),
                "properties" => node is not YamlMappingNode map
                    || Keys(map)
                        .Where(e => value!.AsObject().ContainsKey(e.Key))
                        .Select(e => Sub(e.Value, value![e.Key]!, $"{path}.{e.Key}", problems))
                        .ToList()
                        .TrueForAll(_ => true),
                "additionalProperties" when value is JsonValue => node is not YamlMappingNode map
                    || Keys(map).All(e => schema["properties"]!.AsObject().ContainsKey(e.Key) || IsOfPattern(schema, e.Key)),
                "patternProperties" => value!.AsObject().All(p => p.Value!.AsObject().All(k => k.Key == "description")),
                "additionalProperties" => node is not YamlMappingNode map
                    || Keys(map)
                        .Where(e => schema["properties"]?.AsObject().ContainsKey(e.Key) != true)
                        .Select(e => Sub(e.Value, value!, $"{path}.{e.Key}", problems))
                        .ToList()
                        .TrueForAll(_ => true),
                "propertyNames" => node is not YamlMappingNode map
                    || Keys(map).All(e => Regex.IsMatch(e.Key, value!["pattern"]!.ToString())),
                "anyOf" => value!
                    .AsArray()
                    .Any(option =>
                    {
                        var inner = new List<string>();
                        Check(node, option!.AsObject(), path, inner);
                        return inner.Count == 0;
                    }),
                _ => throw new InvalidOperationException($"The schema uses '{keyword}', which this check does not know."),
            };
            if (!holds)
            {
                problems.Add($"{path}: {keyword}");
            }
        }
    }

    private static bool IsOfPattern(JsonObject schema, string key) =>
        schema["patternProperties"]?.AsObject().Any(p => Regex.IsMatch(key, p.Key)) == true;

    private static bool Sub(Node node, JsonNode schema, string path, List<string> problems)
    {
        Check(node, schema.AsObject(), path, problems);
        return true;
    }

    private static IEnumerable<string> Types(JsonNode value) =>
        value is JsonArray many ? many.Select(v => v!.ToString()) : [value.ToString()];

    private static string? Scalar(Node node) => (node as YamlScalarNode)?.Value;

    private static bool Is(Node node, string type) =>
        (node, type) switch
        {
            (YamlMappingNode, "object") or (YamlSequenceNode, "array") => true,
            (YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: "" or "~" or "null" }, _) => type == "null",
            (YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: "true" or "false" }, _) => type == "boolean",
            (YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } s, "integer") => int.TryParse(s.Value, out _),
            (YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } s, "number") => double.TryParse(s.Value, out _),
            (YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } s, "string") => !double.TryParse(s.Value, out _),
            (YamlScalarNode, "string") => true,
            _ => false,
        };

    /// <summary>The map as an editor sees it, with <c>&lt;&lt;</c> merged.</summary>
    private static IEnumerable<KeyValuePair<string, Node>> Keys(YamlMappingNode map)
    {
        foreach (var (key, value) in map.Children)
        {
            if (Scalar(key) != "<<")
            {
                yield return new(Scalar(key)!, value);
            }
            else
            {
                foreach (var merged in (value is YamlSequenceNode list ? list.Children : [value]).Cast<YamlMappingNode>().SelectMany(Keys))
                {
                    if (map.Children.All(c => Scalar(c.Key) != merged.Key))
                    {
                        yield return merged;
                    }
                }
            }
        }
    }

    private static string Source([System.Runtime.CompilerServices.CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
