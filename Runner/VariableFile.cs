using System.Text;

namespace Shipinator.Runner;

/// <summary>
/// The text of <c>$SHIPINATOR_ENV</c> and <c>$SHIPINATOR_OUTPUT</c>: a line <c>NAME=value</c>, or <c>NAME&lt;&lt;WORD</c>, the
/// lines of a value, and <c>WORD</c> alone on a line. Blank lines and those that begin with <c>#</c> say nothing. Values are
/// taken as they are; a name that comes again wins.
/// </summary>
internal static class VariableFile
{
    /// <summary>Bytes of one file.</summary>
    public const int MostBytes = 64 * 1024;

    private const int MostVariables = 200;

    /// <summary>What a shell or the loader obeys before a command's own first instruction: no honest step hands these on.</summary>
    private static readonly HashSet<string> Dangerous = new(StringComparer.Ordinal)
    {
        "LD_PRELOAD",
        "LD_AUDIT",
        "LD_DEBUG",
        "LD_DEBUG_OUTPUT",
        "LD_PROFILE",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "DYLD_INSERT_LIBRARIES",
        "BASH_ENV",
        "ENV",
        "SHELLOPTS",
        "BASHOPTS",
        "PROMPT_COMMAND",
        "PS4",
        "IFS",
        "PWD",
        "OLDPWD",
    };

    /// <summary>Errors: <see cref="StepMistakeException"/> names the line.</summary>
    public static Dictionary<string, string> Parse(byte[] bytes, bool isEnvironment)
    {
        string text;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new StepMistakeException("it is not UTF-8");
        }

        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].TrimEnd('\r');
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var number = i + 1;
            var end = line.IndexOfAny(['=', '<']);
            var name = end < 0 ? line : line[..end];
            if (end < 0 || (line[end] == '<' && !(line.AsSpan(end).StartsWith("<<") && line.Length > end + 2)))
            {
                throw new StepMistakeException($"line {number} is neither NAME=value nor NAME<<WORD");
            }

            if (Problem(name, isEnvironment) is { } problem)
            {
                throw new StepMistakeException($"line {number}: '{Shorten(name)}' {problem}");
            }

            var value = line[end] == '=' ? line[(end + 1)..] : Heredoc(lines, ref i, line[(end + 2)..], number);
            if (value.Contains('\0', StringComparison.Ordinal))
            {
                throw new StepMistakeException($"line {number}: the value of {name} has a NUL character");
            }

            found[name] = value;
            if (found.Count > MostVariables)
            {
                throw new StepMistakeException($"it has more than {MostVariables} names");
            }
        }

        return found;
    }

    /// <summary>Whether a name may be handed on as a variable, as far as names go.</summary>
    public static string? Problem(string name, bool isEnvironment)
    {
        if (
            name.Length is 0 or > 128
            || char.IsAsciiDigit(name[0])
            || name[0] == '-'
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_' || (c == '-' && !isEnvironment))
        )
        {
            return isEnvironment
                ? "is no name of a variable: letters, digits and _ are"
                : "is no name of an output: letters, digits, _ and - are";
        }

        return !isEnvironment ? null
            : name == "CI" || name.StartsWith("CI_", StringComparison.Ordinal) || name.StartsWith("SHIPINATOR", StringComparison.Ordinal)
                ? "is a name that Shipinator keeps for itself"
            : Dangerous.Contains(name) ? "can't be handed on to other steps; set it in their 'env'"
            : null;
    }

    private static string Heredoc(string[] lines, ref int i, string word, int number)
    {
        var value = new List<string>();
        for (i++; i < lines.Length; i++)
        {
            if (lines[i].TrimEnd('\r') == word)
            {
                return string.Join('\n', value);
            }

            value.Add(lines[i]);
        }

        throw new StepMistakeException(
            $"the value that begins in line {number} has no end: '{Shorten(word)}' never stands alone on a line"
        );
    }

    private static string Shorten(string text)
    {
        var visible = string.Concat(text.Take(60).Select(c => char.IsControl(c) ? '?' : c));
        return text.Length > 60 ? visible + "…" : visible;
    }
}
