using System.Text;

namespace Shipinator.Runner;

/// <summary>
/// The text of <c>$SHIPINATOR_ENV</c> and <c>$SHIPINATOR_OUTPUT</c>: a line <c>NAME=value</c>, or <c>NAME&lt;&lt;WORD</c>, the
/// lines of a value, and <c>WORD</c> alone on a line. Blank lines and lines that begin with <c>#</c> are ignored. Values are
/// taken as they are; the last one of a name wins.
/// </summary>
internal static class VariableFile
{
    /// <summary>Bytes of one file.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int MaxVariables = 200;
    private const int MaxNameLength = 128;

    /// <summary>The loader's variables that are search paths and nothing more, as <c>PATH</c> is.</summary>
    private static readonly HashSet<string> LoaderPaths = new(StringComparer.Ordinal)
    {
        "LD_LIBRARY_PATH",
        "LD_RUN_PATH",
        "DYLD_LIBRARY_PATH",
        "DYLD_FALLBACK_LIBRARY_PATH",
        "DYLD_FRAMEWORK_PATH",
    };

    /// <summary>
    /// What a shell or the C library obeys before a command's own first instruction. A guard against accidents that are
    /// hard to find: what keeps a secret from earlier steps is that its step gets none of their variables (docs/security.md).
    /// </summary>
    private static readonly HashSet<string> ShellVariables = new(StringComparer.Ordinal)
    {
        "GCONV_PATH",
        "GLIBC_TUNABLES",
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

    /// <summary>Errors: <see cref="StepConfigException"/> names the line.</summary>
    public static Dictionary<string, string> Parse(byte[] bytes, bool isEnvironment)
    {
        string text;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new StepConfigException("the file is not valid UTF-8");
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
                throw new StepConfigException($"line {number} must be NAME=value or NAME<<WORD");
            }

            if (NameProblem(name, isEnvironment) is { } problem)
            {
                throw new StepConfigException($"line {number}: '{Shorten(name)}' {problem}");
            }

            var value = line[end] == '=' ? line[(end + 1)..] : Heredoc(lines, ref i, line[(end + 2)..], number);
            if (value.Contains('\0', StringComparison.Ordinal))
            {
                throw new StepConfigException($"line {number}: the value of {name} contains a NUL character");
            }

            found[name] = value;
            if (found.Count > MaxVariables)
            {
                throw new StepConfigException($"the file has more than {MaxVariables} names");
            }
        }

        return found;
    }

    /// <summary>Why a name can't be exported, as the end of a sentence that begins with the name; null when it can.</summary>
    public static string? NameProblem(string name, bool isEnvironment)
    {
        if (
            name.Length is 0 or > MaxNameLength
            || char.IsAsciiDigit(name[0])
            || name[0] == '-'
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_' || (c == '-' && !isEnvironment))
        )
        {
            return isEnvironment
                ? $"is not a valid variable name; expected at most {MaxNameLength} letters, digits and _, not beginning with a digit"
                : $"is not a valid output name; expected at most {MaxNameLength} letters, digits, _ and -, beginning with a letter or _";
        }

        return !isEnvironment ? null
            : IsReserved(name) ? "is reserved by Shipinator"
            : IsLoaderOrShell(name) ? "can't be exported to other steps; set it in the 'env' of the steps that need it"
            : null;
    }

    private static bool IsReserved(string name) =>
        name == "CI" || name.StartsWith("CI_", StringComparison.Ordinal) || name.StartsWith("SHIPINATOR", StringComparison.Ordinal);

    private static bool IsLoaderOrShell(string name) =>
        ShellVariables.Contains(name)
        || (
            (name.StartsWith("LD_", StringComparison.Ordinal) || name.StartsWith("DYLD_", StringComparison.Ordinal))
            && !LoaderPaths.Contains(name)
        );

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

        throw new StepConfigException($"the value that begins in line {number} has no end: no line is '{Shorten(word)}' alone");
    }

    private static string Shorten(string text)
    {
        var visible = string.Concat(text.Take(60).Select(c => char.IsControl(c) ? '?' : c));
        return text.Length > 60 ? visible + "…" : visible;
    }
}
