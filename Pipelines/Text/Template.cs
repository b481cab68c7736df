using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>
/// Templates of values: only <c>{{ .name }}</c>. <c>\{{</c> is a literal <c>{{</c>. Nothing is evaluated, and substituted values are never
/// expanded again.
/// </summary>
internal static partial class Template
{
    /// <summary>The built-in names.</summary>
    public static IReadOnlyList<string> PlainNames { get; } =
    ["branch", "commit", "event", "pr_number", "project", "ref", "repository", "run_number", "short_commit", "tag"];

    /// <summary>The absolute path of the workspace, which depends on the executor: only the runner knows it.</summary>
    public const string Workspace = "workspace";

    /// <summary>Whether a template's value is known only when the step runs.</summary>
    public static bool IsRuntime(string name) => name == Workspace || name.StartsWith("steps.", StringComparison.Ordinal);

    /// <summary>The parts of a text in order: template names, and the text between them.</summary>
    public static IEnumerable<(string Part, bool IsName)> Parts(string text)
    {
        var at = 0;
        foreach (Match match in Form().Matches(text))
        {
            yield return (text[at..match.Index], false);
            yield return match.Groups["name"] is { Success: true } name
                ? (name.Value, true)
                : (match.Groups["escaped"].Success ? "{{" : match.Value, false);
            at = match.Index + match.Length;
        }

        yield return (text[at..], false);
    }

    /// <summary>The names of all templates of a text, in order.</summary>
    public static IEnumerable<string> Names(string text) =>
        Form().Matches(text).Where(m => m.Groups["name"].Success).Select(m => m.Groups["name"].Value);

    /// <summary>The text with every template replaced.</summary>
    public static string Replace(string text, Func<string, string> value)
    {
        if (!text.Contains("{{", StringComparison.Ordinal))
        {
            return text;
        }

        return Form()
            .Replace(
                text,
                m =>
                    m.Groups["name"] is { Success: true } name ? value(name.Value)
                    : m.Groups["escaped"].Success ? "{{"
                    : m.Value
            );
    }

    /// <summary>The problems of the templates of a text.</summary>
    public static IEnumerable<(int Index, string Part, string Code, string Message)> Problems(
        string text,
        TemplateNames known,
        Func<string, string?>? runtime = null
    )
    {
        foreach (Match match in Form().Matches(text))
        {
            if (match.Groups["dollar"].Success)
            {
                yield return (
                    match.Index,
                    match.Value,
                    "bad_template",
                    $"'${{{{' is not a template; write '{{{{ .name }}}}' without the '$'."
                );
            }
            else if (match.Groups["stray"].Success)
            {
                var rest = text.Substring(match.Index, Math.Min(text.Length - match.Index, 30));
                yield return (
                    match.Index,
                    match.Value,
                    "bad_template",
                    $"'{Phrases.Shorten(rest)}' is not a template; expected '{{{{ .name }}}}', or '\\{{{{' for a literal '{{{{'."
                );
            }
            else if (
                match.Groups["name"] is { Success: true } name
                && (IsRuntime(name.Value) && runtime is not null ? runtime(name.Value) : known.Problem(name.Value)) is { } problem
            )
            {
                yield return (match.Index, match.Value, "unknown_template", problem);
            }
        }
    }

    [GeneratedRegex(
        @"(?<dollar>\$\{\{)|(?<escaped>\\\{\{)"
            + @"|\{\{[ \t]*\.(?<name>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*){0,3})[ \t]*\}\}"
            + @"|(?<stray>\{\{)",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Form();
}
