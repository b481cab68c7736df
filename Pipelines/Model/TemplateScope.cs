namespace Shipinator.Pipelines;

/// <summary>Reads values that may hold templates, at a place where certain matrix keys and inputs are known.</summary>
internal sealed class TemplateScope(ErrorList errors, TemplateNames names)
{
    public TemplateScope WithMatrix(IReadOnlyCollection<string> keys) => new(errors, names.WithMatrix(keys));

    public Located? Read(YamlMapping map, string key, string path) => Read(map.Find(key), $"{path}.{key}".TrimStart('.'));

    public Located? Read(YamlNode? node, string path)
    {
        if (node is not YamlScalar scalar || scalar.IsNull)
        {
            return null;
        }

        if (!errors.IsFull)
        {
            foreach (var (index, part, code, message) in Template.Problems(scalar.Value, names))
            {
                errors.Add(code, message, scalar, index, part, path);
            }
        }

        return new Located(scalar.Value, node.Line, node.Column, path);
    }

    public IReadOnlyList<Located>? ReadList(YamlMapping map, string key, string path) =>
        map.Items(key)?.Select((n, i) => Read(n, $"{path}.{key}[{i}]")).OfType<Located>().ToList();

    public EnvLayer ReadEnv(YamlMapping map, string path) => new(
        [.. map.Entries("env").Select(e => (e.Key.Value, Value: Read(e.Value, $"{path}.env.{Phrases.Shorten(e.Key.Value)}".TrimStart('.'))!)).Where(e => e.Value is not null)]);
}
