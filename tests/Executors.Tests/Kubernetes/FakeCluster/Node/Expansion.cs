using System.Text.RegularExpressions;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A kubelet's expansion of <c>$(NAME)</c> and <c>$$</c> in commands and variables.</summary>
internal static partial class Expansion
{
    /// <summary>An unknown name stays unchanged.</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables) =>
        Reference()
            .Replace(
                text,
                m =>
                    m.Value == "$$" ? "$"
                    : variables.TryGetValue(m.Groups["name"].Value, out var value) ? value
                    : m.Value
            );

    [GeneratedRegex(@"\$\$|\$\((?<name>[^)]*)\)")]
    private static partial Regex Reference();
}
