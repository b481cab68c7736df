using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Turns a step's script into a command line.</summary>
internal static class StepCommand
{
    private static readonly HashSet<string> Shells = new(StringComparer.Ordinal) { "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh" };

    /// <summary>
    /// The program and its arguments. A script is written into the control folder, not passed as an argument: it may be longer
    /// than a command line. Errors: <see cref="CommandNotStartedException"/> when its interpreter is missing.
    /// </summary>
    public static List<string> Of(
        ClaimResponse work,
        RunnerSettings settings,
        IReadOnlyDictionary<string, string> environment,
        StepExports exports
    )
    {
        if (work.Script is not { } script)
        {
            return work.CommandExpressions is { } expressions
                ? [.. StepEnvironment.Expand(expressions, settings, exports)]
                : [.. work.Command!];
        }

        var (interpreter, isNamed) = Interpreter(script, work.Shell);
        // PowerShell accepts no other extension.
        var file = Path.Combine(settings.Control, interpreter[0].EndsWith("pwsh", StringComparison.Ordinal) ? "script.ps1" : "script");
        File.WriteAllText(file, script);
        RequireProgram(interpreter, isNamed, environment);
        return [.. interpreter, file];
    }

    /// <summary>By the script's first line, else the step's shell, else <c>sh -e</c>.</summary>
    private static (List<string> Command, bool IsNamed) Interpreter(string script, IReadOnlyList<string>? shell)
    {
        if (Shebang(script) is { } named)
        {
            return (named, true);
        }

        return shell is { Count: > 0 } ? ([.. shell], false) : (["/bin/sh", "-e"], false);
    }

    /// <summary>
    /// As the kernel reads it: a program and at most one argument. A shell without options gets <c>-e</c>, so that it stops at
    /// the first error as all other scripts do.
    /// </summary>
    private static List<string>? Shebang(string script)
    {
        if (!script.StartsWith("#!", StringComparison.Ordinal))
        {
            return null;
        }

        var end = script.IndexOf('\n', StringComparison.Ordinal);
        var line = script[2..(end < 0 ? script.Length : end)].Trim();
        var blank = line.IndexOfAny([' ', '\t']);
        List<string> command =
            line.Length == 0 ? []
            : blank < 0 ? [line]
            : [line[..blank], line[blank..].Trim()];
        var isShell = command switch
        {
            [var program] => Shells.Contains(Path.GetFileName(program)),
            [var env, var program] => Path.GetFileName(env) == "env" && Shells.Contains(program),
            _ => false,
        };
        if (isShell)
        {
            command.Add("-e");
        }

        return command.Count == 0 ? null : command;
    }

    /// <summary>The errors of the kernel and of <c>env</c> do not say what is missing, nor what to do.</summary>
    private static void RequireProgram(List<string> interpreter, bool isNamed, IReadOnlyDictionary<string, string> environment)
    {
        var program =
            interpreter is [var env, var second, ..] && Path.GetFileName(env) == "env" && !second.StartsWith('-') && !second.Contains('=')
                ? second
                : interpreter[0];
        var path = environment.GetValueOrDefault("PATH") ?? "/usr/local/bin:/usr/bin:/bin";
        if (
            program.Contains('/')
                ? !File.Exists(program) && Path.IsPathRooted(program)
                : !path.Split(':', StringSplitOptions.RemoveEmptyEntries).Any(p => File.Exists(Path.Combine(p, program)))
        )
        {
            throw new CommandNotStartedException(
                127,
                isNamed
                    ? $"Command not found: {program}, from the script's first line. Use an image that has it, or change that line."
                    : $"Command not found: {program}, the script's shell. Use an image that has it, or another 'shell'."
            );
        }
    }
}
