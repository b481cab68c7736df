namespace Shipinator.Pipelines;

/// <summary>The templates that may be used at a place of the file.</summary>
internal sealed class TemplateNames(ErrorList errors, IReadOnlyCollection<string> inputs, IReadOnlyCollection<string> matrix)
{
    private readonly HashSet<string> _known =
    [
        .. Template.PlainNames,
        .. inputs.Select(i => $"inputs.{i}"),
        .. matrix.Select(m => $"matrix.{m}"),
    ];

    private readonly Dictionary<string, string> _problems = new(StringComparer.Ordinal);

    public TemplateNames WithMatrix(IReadOnlyCollection<string> keys) => new(errors, inputs, keys);

    /// <summary>What is wrong with a name, as a sentence; null when it is valid.</summary>
    public string? Problem(string name)
    {
        if (_known.Contains(name))
        {
            return null;
        }

        if (!_problems.TryGetValue(name, out var problem))
        {
            var why = name switch
            {
                _ when name.StartsWith("matrix.", StringComparison.Ordinal) && matrix.Count == 0 => " The job has no matrix.",
                _ when name.StartsWith("matrix.", StringComparison.Ordinal)
                        && matrix.Any(m => $"matrix.{m}".StartsWith(name + ".", StringComparison.Ordinal)) =>
                    " It is a map; use one of its members.",
                Template.Workspace => " It can't be used here, because the path of the workspace is known only when the step runs.",
                _ when name.StartsWith("inputs.", StringComparison.Ordinal) && inputs.Count == 0 =>
                    " No inputs are declared in 'on.manual.inputs'.",
                _ => errors.DidYouMean(name, _known),
            };
            _problems[name] = problem =
                $"unknown template '{{{{ .{Phrases.Shorten(name)} }}}}'.{why} Expected one of {Phrases.Some(_known)}.";
        }

        return problem;
    }
}
