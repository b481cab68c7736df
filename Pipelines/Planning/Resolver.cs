using System.Collections.Immutable;

namespace Shipinator.Pipelines;

/// <summary>
/// Replaces templates by their values, checks the results, and counts the size of the plan: a small file can use the same long value
/// many times.
/// </summary>
internal sealed class Resolver
{
    /// <summary>What every value costs besides its characters, wherever the plan is stored and sent.</summary>
    private const int Overhead = 16;

    /// <summary>What a template or a <c>$</c> costs besides its value: an empty one is work, too.</summary>
    private const int PartOverhead = 16;

    private readonly ErrorList _errors;
    private readonly ImmutableDictionary<string, string> _values;
    private readonly Budget _budget;

    public Resolver(ErrorList errors, ImmutableDictionary<string, string> values, int budget)
        : this(errors, values, new Budget { Left = budget }) { }

    private Resolver(ErrorList errors, ImmutableDictionary<string, string> values, Budget budget)
    {
        _errors = errors;
        _values = values;
        _budget = budget;
    }

    public Resolver WithMatrix(ImmutableSortedDictionary<string, string> combination) =>
        new(_errors, _values.SetItems(combination.Select(c => KeyValuePair.Create($"matrix.{c.Key}", c.Value))), _budget);

    /// <summary>The text with its templates replaced; an error is added when it does not have the format.</summary>
    public string Text(Located text, Format format)
    {
        ChargeParts(text.Value, "{{");
        var resolved = Template.Replace(text.Value, Value);
        Charge(resolved.Length + Overhead);
        var isTemplate = text.Value.Contains("{{", StringComparison.Ordinal);
        if (isTemplate && format != Formats.Any && Characters.FindInvisible(resolved, isText: false) is { } invisible)
        {
            _errors.Add(
                "bad_character",
                $"{text.Path}: after template substitution the value is '{Phrases.Shorten(resolved)}', "
                    + $"which contains the character {invisible.Name}, which is not allowed here.",
                text
            );
        }
        else if (isTemplate && format.Problem(resolved) is { } problem)
        {
            var what = problem.Length == 0 || problem[0] == ' ' ? "is not valid" : problem.TrimEnd('.');
            _errors.Add(
                "bad_value",
                $"{text.Path}: after template substitution the value is '{Phrases.Shorten(resolved)}', which {what}; expected "
                    + $"{format.Expected}.",
                text
            );
        }

        return resolved;
    }

    /// <summary>
    /// The script with its templates replaced by shell variables, which are added to <paramref name="env"/>: a value never becomes part
    /// of a script's text, so that a branch name can't become a command.
    /// </summary>
    public string Script(Located script, PlannedEnv env)
    {
        ChargeParts(script.Value, "{{");
        var carried = new Dictionary<string, string>(StringComparer.Ordinal);
        var resolved = Template.Replace(
            script.Value,
            name =>
            {
                if (name == Template.Workspace)
                {
                    return Expression.Variable(Expression.WorkspaceVariable);
                }

                var variable = PipelineEnvironment.OfTemplate(name);
                if (carried.TryGetValue(variable, out var other) && other != name)
                {
                    _errors.Add(
                        "duplicate_name",
                        $"{script.Path}: the templates '{other}' and '{name}' would become the same environment variable {variable}; "
                            + "set one of them in 'env'.",
                        script
                    );
                }

                carried[variable] = name;
                env.Set(variable, Template.IsRuntime(name) ? Expression.OfTemplate(name) : Expression.Literal(Value(name)));
                return $"${{{variable}}}";
            }
        );
        Charge(resolved.Length);
        return resolved;
    }

    /// <summary>The merged layers; later ones win.</summary>
    public SortedDictionary<string, string> Env(IEnumerable<EnvLayer> layers)
    {
        var env = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in layers.SelectMany(l => l.Entries))
        {
            Charge(name.Length);
            env[name] = Text(value, Formats.Any);
        }

        return env;
    }

    /// <summary>
    /// A step's variables. Later layers win. <c>$NAME</c> in a value is replaced by the value of an outer layer, or else by the command's
    /// environment; never by a value of the same map, and never by a secret.
    /// </summary>
    public PlannedEnv StepEnv(IEnumerable<EnvLayer> layers, IReadOnlyCollection<string> secrets)
    {
        var env = new PlannedEnv();
        foreach (var layer in layers)
        {
            var outer = env.Snapshot();
            foreach (var (name, value) in layer.Entries)
            {
                Charge(name.Length);
                env.Set(name, EnvValue(value, outer, secrets));
            }
        }

        return env;
    }

    /// <summary>An argument of a command, as an <see cref="Expression"/>.</summary>
    public string Argument(Located text)
    {
        ChargeParts(text.Value, "{{");
        return Charged(
            string.Concat(
                Template
                    .Parts(text.Value)
                    .Select(p =>
                        !p.IsName ? Expression.Literal(p.Part)
                        : Template.IsRuntime(p.Part) ? Expression.OfTemplate(p.Part)
                        : Expression.Literal(Value(p.Part))
                    )
            )
        );
    }

    private string EnvValue(Located value, ImmutableDictionary<string, string> outer, IReadOnlyCollection<string> secrets)
    {
        ChargeParts(value.Value, "{{");
        ChargeParts(value.Value, "$");
        var made = new System.Text.StringBuilder();
        foreach (var (part, isName) in Template.Parts(value.Value))
        {
            var piece = isName
                ? Template.IsRuntime(part)
                    ? Expression.OfTemplate(part)
                    : Expression.Literal(Value(part))
                : Expression.Read(
                    part,
                    name =>
                    {
                        if (secrets.Contains(name))
                        {
                            _errors.Add(
                                "secret_in_env",
                                $"{value.Path}: '${Phrases.Shorten(name)}' is a secret of this step, and secrets are not expanded in "
                                    + $"'env'; "
                                    + "use the variable in the command, or write '$$' for a literal '$'.",
                                value
                            );
                        }

                        return outer.TryGetValue(name, out var known) ? Charged(known) : Expression.Variable(name);
                    }
                );
            if (piece is null)
            {
                _errors.Add(
                    "bad_value",
                    $"{value.Path}: '${{' does not start a valid variable; expected $NAME or ${{NAME}}, or '$${{' for a literal '${{'.",
                    value
                );
                piece = "";
            }

            made.Append(Charged(piece));
        }

        return made.ToString();
    }

    /// <summary>Before the work is done.</summary>
    private void ChargeParts(string text, string begin) => Charge(text.AsSpan().Count(begin.AsSpan()) * PartOverhead);

    private string Charged(string text)
    {
        Charge(text.Length);
        return text;
    }

    private string Value(string name)
    {
        // In a path relative to the workspace, the workspace itself is '.'.
        var value = name == Template.Workspace ? "." : _values.GetValueOrDefault(name, "");
        Charge(value.Length);
        return value;
    }

    private void Charge(int characters)
    {
        _budget.Left -= characters;
        if (_budget.Left < 0)
        {
            throw new TooLargeException();
        }
    }

    /// <summary>Ends planning: continuing would only cost memory.</summary>
    public sealed class TooLargeException : Exception;

    private sealed class Budget
    {
        public long Left { get; set; }
    }
}
