namespace Shipinator.Pipelines;

/// <summary>Which templates are allowed at a place in addition to those whose values are known when the run is planned.</summary>
internal enum Runtime
{
    /// <summary>None.</summary>
    None,

    /// <summary><c>{{ .workspace }}</c>.</summary>
    Workspace,

    /// <summary><see cref="Workspace"/>, and outputs of earlier steps.</summary>
    All,
}

/// <summary>Reads values that may contain templates, at a place with a given set of matrix keys and inputs.</summary>
internal sealed class TemplateScope(ErrorList errors, TemplateNames names)
{
    /// <summary>The maximum number of problems that are reported for one value.</summary>
    private const int MostProblems = 100;

    public TemplateScope WithMatrix(IReadOnlyCollection<string> keys) => new(errors, names.WithMatrix(keys));

    /// <summary>The steps of the job that have ended before this place, whose outputs may be used.</summary>
    public IReadOnlyCollection<string> EarlierSteps { get; set; } = [];

    public Located? Read(YamlMapping map, string key, string path, Runtime runtime = Runtime.None) =>
        Read(map.Find(key), $"{path}.{key}".TrimStart('.'), runtime);

    public Located? Read(YamlNode? node, string path, Runtime runtime = Runtime.None)
    {
        if (node is not YamlScalar scalar || scalar.IsNull)
        {
            return null;
        }

        if (!errors.IsFull)
        {
            foreach (
                var (index, part, code, message) in Template
                    .Problems(scalar.Value, names, runtime == Runtime.None ? null : n => RuntimeProblem(n, runtime))
                    .Take(MostProblems)
            )
            {
                errors.Add(code, message, scalar, index, part, path);
            }
        }

        return new Located(scalar.Value, node.Line, node.Column, path);
    }

    public IReadOnlyList<Located>? ReadList(YamlMapping map, string key, string path, Runtime runtime = Runtime.None) =>
        map.Items(key)?.Select((n, i) => Read(n, $"{path}.{key}[{i}]", runtime)).OfType<Located>().ToList();

    public EnvLayer ReadEnv(YamlMapping map, string path, Runtime runtime = Runtime.All) =>
        new([
            .. map.Entries("env")
                .Select(e => (e.Key.Value, Value: Read(e.Value, $"{path}.env.{Phrases.Shorten(e.Key.Value)}".TrimStart('.'), runtime)!))
                .Where(e => e.Value is not null),
        ]);

    private string? RuntimeProblem(string name, Runtime runtime)
    {
        if (name == Template.Workspace)
        {
            return null;
        }

        if (name.Split('.') is not [_, var step, "outputs", _])
        {
            return $"the template '{{{{ .{Phrases.Shorten(name)} }}}}' is not valid; expected '{{{{ .steps.STEP.outputs.NAME }}}}'.";
        }

        return runtime == Runtime.Workspace ? "outputs of steps can be used only in 'run', 'command' and 'env' of a step."
            : EarlierSteps.Contains(step, StringComparer.Ordinal) ? null
            : $"'{Phrases.Shorten(step)}' is not an earlier step of this job.{errors.DidYouMean(step, EarlierSteps)}"
                + (EarlierSteps.Count == 0 ? " There is no earlier step." : $" Earlier steps: {Phrases.List(EarlierSteps.Take(20))}.");
    }
}
