using System.Collections.Immutable;

namespace Shipinator.Pipelines;

/// <summary>
/// Puts values in place of templates, checks what comes out, and keeps account of how large the plan grows: a small file can
/// ask for the same long value many times.
/// </summary>
internal sealed class Resolver
{
    private readonly ErrorList _errors;
    private readonly ImmutableDictionary<string, string> _values;
    private readonly Budget _budget;

    public Resolver(ErrorList errors, ImmutableDictionary<string, string> values, int budget)
        : this(errors, values, new Budget { Left = budget })
    {
    }

    private Resolver(ErrorList errors, ImmutableDictionary<string, string> values, Budget budget)
    {
        _errors = errors;
        _values = values;
        _budget = budget;
    }

    public Resolver WithMatrix(ImmutableSortedDictionary<string, string> combination) =>
        new(_errors, _values.SetItems(combination.Select(c => KeyValuePair.Create($"matrix.{c.Key}", c.Value))), _budget);

    /// <summary>The text with its values, which must have the format.</summary>
    public string Text(Located text, Format format)
    {
        var resolved = Template.Replace(text.Value, Value);
        Charge(resolved.Length);
        if (text.Value.Contains("{{", StringComparison.Ordinal) && format.Problem(resolved) is { } problem)
        {
            var what = problem.Length == 0 || problem[0] == ' ' ? "is not allowed" : problem;
            _errors.Add("bad_value", $"{text.Path}: with its templates replaced it is '{Phrases.Shorten(resolved)}', which {what}; expected {format.Expected}.", text);
        }

        return resolved;
    }

    /// <summary>
    /// The script with shell variables in place of its templates, and those variables: a value never becomes part of a
    /// script's text, so that a branch name can't become a command.
    /// </summary>
    public string Script(Located script, IDictionary<string, string> env)
    {
        var resolved = Template.Replace(script.Value, name =>
        {
            var variable = PipelineEnvironment.OfTemplate(name);
            env[variable] = Value(name);
            return $"${{{variable}}}";
        });
        Charge(resolved.Length);
        return resolved;
    }

    /// <summary>Later layers win.</summary>
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

    private string Value(string name)
    {
        var value = _values.GetValueOrDefault(name, "");
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

    /// <summary>Ends planning: what is left would only cost memory.</summary>
    public sealed class TooLargeException : Exception;

    private sealed class Budget
    {
        public long Left { get; set; }
    }
}
