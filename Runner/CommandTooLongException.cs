using System.Globalization;
using System.Text;

namespace Shipinator.Runner;

/// <summary>What the kernel does not take as a command line or an environment: the pipeline file's fault, not the machine's.</summary>
internal sealed class CommandTooLongException(string message) : Exception(message)
{
    /// <summary>The C library's number for it.</summary>
    public const int TooLong = 7;

    /// <summary>The most bytes of one argument or one <c>NAME=VALUE</c>, the zero at its end among them: 32 pages.</summary>
    private static int Limit => 32 * Environment.SystemPageSize;

    /// <summary>Errors: this, which names the one argument or variable that is too long.</summary>
    public static void ThrowIfTooLong(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        foreach (var (name, value) in environment)
        {
            if (Bytes(name) + 1 + Bytes(value) >= Limit)
            {
                throw new CommandTooLongException(
                    Text(
                        $"The environment variable {name} has {Bytes(value)} bytes. Linux takes at most {Limit - 1} for a variable's name, '=' and value: put the value into a file and give its path, or make it shorter."
                    )
                );
            }
        }

        for (var i = 0; i < command.Count; i++)
        {
            if (Bytes(command[i]) >= Limit)
            {
                throw new CommandTooLongException(
                    Text(
                        $"Argument {i} of the command has {Bytes(command[i])} bytes. Linux takes at most {Limit - 1} for one argument: put it into a file, or use 'run', whose script may have any length."
                    )
                );
            }
        }
    }

    /// <summary>When no part alone is too long.</summary>
    public static CommandTooLongException OfAll(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        long arguments = command.Sum(a => Bytes(a) + 1),
            variables = environment.Sum(e => Bytes(e.Key) + Bytes(e.Value) + 2);
        var largest = environment.MaxBy(e => e.Value.Length);
        return new(
            Text(
                $"The command's arguments ({arguments} bytes) and its environment ({variables} bytes) are together more than this machine takes, usually 2 MiB (ulimit -s, a quarter of it). The largest variable is {largest.Key} with {Bytes(largest.Value ?? "")} bytes: put large values into files and give their paths."
            )
        );
    }

    private static int Bytes(string text) => Encoding.UTF8.GetByteCount(text);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
