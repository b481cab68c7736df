using System.CommandLine;

namespace Shipinator.Cli.Commands;

/// <summary><c>--input name=value</c>, as often as needed.</summary>
internal static class Inputs
{
    public static Option<string[]> Option() =>
        new("--input", "-i") { Description = "Value of a manual input; may be repeated", HelpName = "NAME=VALUE" };

    /// <summary>Null when there is none. Errors: <see cref="CliException"/>.</summary>
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
                throw new CliException(ExitCodes.Usage, $"--input {input}: expected NAME=VALUE.");
            }

            if (!inputs.TryAdd(input[..at], input[(at + 1)..]))
            {
                throw new CliException(ExitCodes.Usage, $"--input {input[..at]} is given twice.");
            }
        }

        return inputs;
    }
}
