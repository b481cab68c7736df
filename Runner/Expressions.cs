using System.Text.RegularExpressions;

namespace Shipinator.Runner;

/// <summary>
/// Expands <c>${NAME}</c> and <c>${steps.STEP.NAME}</c>; <c>$$</c> is <c>$</c>. Inserted values are never expanded again.
/// </summary>
internal static partial class Expressions
{
    public static string Expand(string expression, Func<string, string?> value) =>
        Form().Replace(expression, m => m.Groups["name"] is { Success: true } name ? value(name.Value) ?? "" : "$");

    [GeneratedRegex(@"\$\$|\$\{(?<name>[^}]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
