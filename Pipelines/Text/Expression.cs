using System.Text;
using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>
/// Values that only the runner can finish: texts in which <c>${NAME}</c> stands for a variable of the command's environment,
/// <c>${steps.STEP.NAME}</c> for an output of an earlier step, and <c>$$</c> for <c>$</c>. Planned texts are put into this
/// form; what comes from a commit is escaped, and so never looked at again.
/// </summary>
internal static partial class Expression
{
    /// <summary>The variable that <c>{{ .workspace }}</c> stands for.</summary>
    public const string WorkspaceVariable = "SHIPINATOR_WORKSPACE";

    /// <summary>The text as it is.</summary>
    public static string Literal(string text) => text.Replace("$", "$$", StringComparison.Ordinal);

    public static string Variable(string name) => $"${{{name}}}";

    /// <summary>What <c>{{ .workspace }}</c> or <c>{{ .steps.STEP.outputs.NAME }}</c> becomes.</summary>
    public static string OfTemplate(string name) =>
        name == Template.Workspace ? Variable(WorkspaceVariable) : Variable(name.Replace(".outputs.", ".", StringComparison.Ordinal));

    /// <summary>Whether anything is left for the runner to do.</summary>
    public static bool HasReference(string expression)
    {
        for (var at = expression.IndexOf('$', StringComparison.Ordinal); at >= 0 && at + 1 < expression.Length; )
        {
            if (expression[at + 1] == '{' && expression.IndexOf('}', at + 2) >= 0)
            {
                return true;
            }

            // "$$" is one character; what else follows is looked at by itself.
            var from = at + (expression[at + 1] == '$' ? 2 : 1);
            at = from < expression.Length ? expression.IndexOf('$', from) : -1;
        }

        return false;
    }

    /// <summary>The text of an expression without references.</summary>
    public static string Plain(string expression) => expression.Replace("$$", "$", StringComparison.Ordinal);

    /// <summary>
    /// What a person wrote in <c>env</c>: <c>$NAME</c> and <c>${NAME}</c> are given to <paramref name="reference"/>, <c>$$</c> is
    /// <c>$</c>, and a <c>$</c> before anything else is itself. Null when there is <c>${</c> without a name and <c>}</c>.
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
