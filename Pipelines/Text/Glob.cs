using System.Text;
using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>
/// A pattern for paths, branches and tags: <c>*</c> and <c>?</c> stay within a path segment, <c>**</c> crosses them,
/// <c>[a-z]</c> and <c>{a,b}</c> choose, <c>\</c> takes the next character as it is. Case counts.
/// Matching takes linear time whatever the pattern.
/// </summary>
internal static class Glob
{
    /// <summary>Whether a list of patterns takes a text: some pattern without <c>!</c> matches (or there is none), and none with <c>!</c> does.</summary>
    public static bool Matches(IReadOnlyList<string> patterns, string text)
    {
        var wanted = patterns.Where(p => !p.StartsWith('!')).ToList();
        return (wanted.Count == 0 || wanted.Any(p => One(p, text))) && !patterns.Where(p => p.StartsWith('!')).Any(p => One(p[1..], text));
    }

    /// <summary>What is wrong with a pattern; null when nothing is.</summary>
    public static string? Problem(string pattern)
    {
        if (pattern.Length > PipelineLimits.GlobCharacters)
        {
            return $"it is longer than {PipelineLimits.GlobCharacters} characters";
        }

        return ToRegex(pattern.StartsWith('!') ? pattern[1..] : pattern, out _);
    }

    private static bool One(string pattern, string text) =>
        ToRegex(pattern, out var expression) is null
        && Regex.IsMatch(text, expression, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking | RegexOptions.Singleline);

    private static string? ToRegex(string pattern, out string expression)
    {
        var made = new StringBuilder("^(?:");
        expression = "";
        if (pattern.Length == 0)
        {
            return "it is empty";
        }

        pattern = pattern.EndsWith('/') ? pattern + "**" : pattern;
        var inBraces = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when i + 1 < pattern.Length && pattern[i + 1] == '*':
                    var slashed = i + 2 < pattern.Length && pattern[i + 2] == '/' && (i == 0 || pattern[i - 1] == '/');
                    made.Append(slashed ? "(?:.*/)?" : ".*");
                    i += slashed ? 2 : 1;
                    break;
                case '*':
                    made.Append("[^/]*");
                    break;
                case '?':
                    made.Append("[^/]");
                    break;
                case '[':
                    var end = pattern.IndexOf(']', Math.Min(pattern.Length, i + 2));
                    if (end < 0 || !Class(pattern[(i + 1)..end], made))
                    {
                        return "its '[' is not a set such as [a-z] or [!0-9]";
                    }

                    i = end;
                    break;
                case '{' when inBraces:
                    return "it has '{' within '{'";
                case '{':
                    inBraces = true;
                    made.Append("(?:");
                    break;
                case '}' when inBraces:
                    inBraces = false;
                    made.Append(')');
                    break;
                case ',' when inBraces:
                    made.Append('|');
                    break;
                case '\\' when i + 1 == pattern.Length:
                    return "it ends with '\\'";
                case '\\':
                    made.Append(Regex.Escape(pattern[++i].ToString()));
                    break;
                case var c:
                    made.Append(Literal(c));
                    break;
            }
        }

        expression = made.Append(")\\z").ToString();
        return inBraces ? "its '{' is not closed" : null;
    }

    private static bool Class(string set, StringBuilder made)
    {
        var negated = set.StartsWith('!') || set.StartsWith('^');
        var members = negated ? set[1..] : set;
        if (members.Length == 0 || members.Contains('/', StringComparison.Ordinal))
        {
            return false;
        }

        made.Append(negated ? "[^/" : "[");
        for (var i = 0; i < members.Length; i++)
        {
            if (i + 2 < members.Length && members[i + 1] == '-')
            {
                if (members[i] > members[i + 2])
                {
                    return false;
                }

                made.Append(Member(members[i])).Append('-').Append(Member(members[i + 2]));
                i += 2;
            }
            else
            {
                made.Append(Member(members[i]));
            }
        }

        made.Append(']');
        return true;
    }

    private static string Member(char c) => c is ']' or '[' or '\\' or '^' or '-' ? $"\\{c}" : c.ToString();

    private static string Literal(char c) => c is '}' or ']' ? $"\\{c}" : Regex.Escape(c.ToString());
}
