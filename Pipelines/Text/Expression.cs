using System.Text;
using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>
/// Values that only the runner can complete: texts in which <c>${NAME}</c> is a variable of the command's environment,
/// <c>${steps.STEP.NAME}</c> an output of an earlier step, and <c>$$</c> a <c>$</c>. Planned texts are converted to this form; values that
/// come from a commit are escaped and therefore never expanded.
/// </summary>
internal static partial class Expression
{
    /// <summary>The variable for <c>{{ .workspace }}</c>.</summary>
    public const string WorkspaceVariable = "SHIPINATOR_WORKSPACE";

    /// <summary>The text, escaped.</summary>
    public static string Literal(string text) => text.Replace("$", "$$", StringComparison.Ordinal);

    public static string Variable(string name) => $"${{{name}}}";

    /// <summary>The reference for <c>{{ .workspace }}</c> or <c>{{ .steps.STEP.outputs.NAME }}</c>.</summary>
    public static string OfTemplate(string name) =>
        name == Template.Workspace ? Variable(WorkspaceVariable) : Variable(name.Replace(".outputs.", ".", StringComparison.Ordinal));

    /// <summary>Whether it contains a reference that the runner must replace.</summary>
    public static bool HasReference(string expression)
    {
        for (var at = expression.IndexOf('$', StringComparison.Ordinal); at >= 0 && at + 1 < expression.Length; )
        {
            if (expression[at + 1] == '{' && expression.IndexOf('}', at + 2) >= 0)
            {
                return true;
            }

            // "$$" is one character; anything else is examined by itself.
            var from = at + (expression[at + 1] == '$' ? 2 : 1);
            at = from < expression.Length ? expression.IndexOf('$', from) : -1;
        }

        return false;
    }

    /// <summary>The text of an expression without references.</summary>
    public static string Plain(string expression) => expression.Replace("$$", "$", StringComparison.Ordinal);

    /// <summary>
    /// Converts a value of <c>env</c>: <c>$NAME</c> and <c>${NAME}</c> are passed to <paramref name="reference"/>, <c>$$</c> is
    /// <c>$</c>, and a <c>$</c> before anything else is literal. Null when there is <c>${</c> without a name and <c>}</c>.
    /// </summary>
    public static string? Read(string text, Func<string, string> reference)
    {
        var made = new StringBuilder();
        var at = 0;
        foreach (Match match in Written().Matches(text))
        {
            if (match.Groups["open"].Success)
            {
                return null;
            }

            made.Append(text, at, match.Index - at);
            made.Append(match.Groups["name"] is { Success: true } name ? reference(name.Value) : "$$");
            at = match.Index + match.Length;
        }

        return made.Append(text, at, text.Length - at).ToString();
    }

    [GeneratedRegex(
        @"\$\$|\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$(?<name>[A-Za-z_][A-Za-z0-9_]*)|(?<open>\$\{)|\$",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Written();
}
