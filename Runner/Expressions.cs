using System.Text.RegularExpressions;

namespace Shipinator.Runner;

/// <summary>Finishes values: <c>${NAME}</c> and <c>${steps.STEP.NAME}</c> are looked up, <c>$$</c> is <c>$</c>. What is put in is never looked at again.</summary>
internal static partial class Expressions
{
    public static string Finish(string expression, Func<string, string?> value) =>
        Form().Replace(expression, m => m.Groups["name"] is { Success: true } name ? value(name.Value) ?? "" : "$");

    [GeneratedRegex(@"\$\$|\$\{(?<name>[^}]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
