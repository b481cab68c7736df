using System.Text;
using Shipinator.Cli.IO;

namespace Shipinator.Silo.Hosting;

/// <summary>
/// The console's output. Log messages hold text of strangers (names of branches, errors of Git hosts), so whatever is written is
/// cleaned as the command line cleans logs: of control sequences only colors stay, and no color goes beyond its line.
/// </summary>
internal sealed class SafeConsole : TextWriter
{
    private const string Reset = "\u001b[0m";
    private readonly TextWriter _console;
    private readonly bool _keepColors;

    /// <param name="console">Where the clean text goes.</param>
    /// <param name="keepColors">Whether the logger writes colors, which it does on a terminal only.</param>
    public SafeConsole(TextWriter console, bool keepColors)
    {
        ArgumentNullException.ThrowIfNull(console);
        _console = console;
        _keepColors = keepColors;
        CoreNewLine = console.NewLine.ToCharArray();
    }

    public override Encoding Encoding => _console.Encoding;

    /// <summary>Puts one before standard output and one before standard error; the loggers that are made later write through it.</summary>
    public static void Install()
    {
        Console.SetOut(new SafeConsole(Console.Out, !Console.IsOutputRedirected));
        Console.SetError(new SafeConsole(Console.Error, !Console.IsErrorRedirected));
    }

    public override void Write(char value) => Write([value]);

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(ReadOnlySpan<char> buffer)
    {
        // One call of the console for one of ours: entries of several threads don't mix.
        var clean = new StringBuilder(buffer.Length);
        foreach (var range in buffer.Split('\n'))
        {
            if (range.Start.Value > 0)
            {
                clean.Append('\n');
            }

            var line = TerminalText.Log(buffer[range].ToString(), _keepColors);
            clean.Append(line).Append(line.Contains('\u001b', StringComparison.Ordinal) ? Reset : "");
        }

        _console.Write(clean.ToString());
    }

    public override void WriteLine(string? value) => Write(value + NewLine);

    public override void Flush() => _console.Flush();
}
