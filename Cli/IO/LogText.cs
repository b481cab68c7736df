using System.Text;
using System.Text.RegularExpressions;

namespace Shipinator.Cli.IO;

/// <summary>Logs come from programs that nobody vouches for: a terminal gets their words and colours, not their commands.</summary>
internal static partial class LogText
{
    /// <summary>One line without control characters; with <paramref name="keepColors"/> colours (SGR) stay.</summary>
    public static string Clean(string line, bool keepColors)
    {
        var text = Sequences().Replace(line, m => keepColors && m.Value.StartsWith("\u001b[", StringComparison.Ordinal) && m.Value[^1] == 'm' ? m.Value : "");
        var clean = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            var isColor = keepColors && c == '\u001b' && i + 1 < text.Length && text[i + 1] == '[';
            if (!char.IsControl(c) || c == '\t' || isColor)
            {
                clean.Append(c);
            }
        }

        return clean.ToString();
    }

    [GeneratedRegex(@"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-Z\\^-~])")]
    private static partial Regex Sequences();
}
