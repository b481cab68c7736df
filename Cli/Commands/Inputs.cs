using System.CommandLine;

namespace Shipinator.Cli.Commands;

/// <summary>The repeatable option <c>--input NAME=VALUE</c>.</summary>
internal static class Inputs
{
    public static Option<string[]> Option() =>
        new("--input", "-i") { Description = "Value of a pipeline input; can be repeated", HelpName = "NAME=VALUE" };

    /// <summary>Parses the values; null without any. Errors: <see cref="CliException"/>.</summary>
    public static Dictionary<string, string>? Read(string[]? given)
    {
        if (given is null or [])
        {
            return null;
        }

        var inputs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var input in given)
        {
            var at = input.IndexOf('=', StringComparison.Ordinal);
            if (at < 1)
            {
                throw new CliException(ExitCodes.Usage, $"'{input}' is not a valid --input; expected NAME=VALUE.");
            }

            if (!inputs.TryAdd(input[..at], input[(at + 1)..]))
            {
                throw new CliException(ExitCodes.Usage, $"--input '{input[..at]}' was specified more than once.");
            }
        }

        return inputs;
    }
}
