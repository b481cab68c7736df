namespace Shipinator.Pipelines;

/// <summary>Which templates may stand at a place beyond those whose values are known when the run is planned.</summary>
internal enum Runtime
{
    /// <summary>None.</summary>
    None,

    /// <summary><c>{{ .workspace }}</c>.</summary>
    Workspace,

    /// <summary>That, and outputs of earlier steps.</summary>
    All,
}

/// <summary>Reads values that may hold templates, at a place where certain matrix keys and inputs are known.</summary>
internal sealed class TemplateScope(ErrorList errors, TemplateNames names)
{
    /// <summary>Of one value: more are no help to anybody, and telling each one costs time.</summary>
    private const int MostProblems = 100;

    public TemplateScope WithMatrix(IReadOnlyCollection<string> keys) => new(errors, names.WithMatrix(keys));

    /// <summary>The steps whose outputs are known at this place: those of the job that have ended by then.</summary>
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
            return $"The template '{{{{ .{Phrases.Shorten(name)} }}}}' is not known; expected '{{{{ .steps.STEP.outputs.NAME }}}}'.";
        }

        return runtime == Runtime.Workspace ? "An output of a step can't stand here, only in 'run', 'command' and 'env' of a step."
            : EarlierSteps.Contains(step, StringComparer.Ordinal) ? null
            : $"No step of this job that has ended by then is named '{Phrases.Shorten(step)}'.{errors.DidYouMean(step, EarlierSteps)}"
                + (EarlierSteps.Count == 0 ? " No step stands before this place." : $" Known: {Phrases.List(EarlierSteps.Take(20))}.");
    }
}
