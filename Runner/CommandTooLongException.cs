using System.Globalization;
using System.Text;

namespace Shipinator.Runner;

/// <summary>The command line or environment exceeds the kernel's limits: an error of the pipeline file, not of the machine.</summary>
internal sealed class CommandTooLongException(string message) : Exception(message)
{
    /// <summary>The error number E2BIG.</summary>
    public const int ArgumentListTooLong = 7;

    /// <summary>The maximum size in bytes of one argument or one <c>NAME=VALUE</c>, with the terminating zero: 32 pages.</summary>
    private static int Limit => 32 * Environment.SystemPageSize;

    /// <summary>Throws this when a single argument or variable is too long, and names it.</summary>
    public static void ThrowIfTooLong(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        foreach (var (name, value) in environment)
        {
            if (Bytes(name) + 1 + Bytes(value) >= Limit)
            {
                throw new CommandTooLongException(
                    Text($"The environment variable {name} has {Bytes(value)} bytes. ")
                        + Text($"Linux allows at most {Limit - 1} for a variable's name, '=' and value: ")
                        + "put the value into a file and pass its path, or make it shorter."
                );
            }
        }

        for (var i = 0; i < command.Count; i++)
        {
            if (Bytes(command[i]) >= Limit)
            {
                throw new CommandTooLongException(
                    Text($"Argument {i} of the command has {Bytes(command[i])} bytes. ")
                        + Text($"Linux allows at most {Limit - 1} for one argument: ")
                        + "put it into a file, or use 'run', whose script may have any length."
                );
            }
        }
    }

    /// <summary>For when no single part is too long.</summary>
    public static CommandTooLongException OfAll(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        long arguments = command.Sum(a => Bytes(a) + 1),
            variables = environment.Sum(e => Bytes(e.Key) + Bytes(e.Value) + 2);
        var largest = environment.MaxBy(e => e.Value.Length);
        return new(
            Text($"The command's arguments ({arguments} bytes) and its environment ({variables} bytes) together exceed ")
                + "this machine's limit, usually 2 MiB (a quarter of ulimit -s). "
                + Text($"The largest variable is {largest.Key} with {Bytes(largest.Value ?? "")} bytes: ")
                + "put large values into files and pass their paths."
        );
    }

    private static int Bytes(string text) => Encoding.UTF8.GetByteCount(text);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
