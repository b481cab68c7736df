using System.Text;
using Shipinator.Cli.IO;

namespace Shipinator.Silo.Hosting;

/// <summary>
/// Sanitizes console output. Log messages contain untrusted text (names of branches, errors of Git hosts), so the output is sanitized like
/// logs in the command line: control sequences are removed except for colors, which end with their line.
/// </summary>
internal sealed class SafeConsole : TextWriter
{
    private const string Reset = "\u001b[0m";
    private readonly TextWriter _console;
    private readonly bool _keepColors;

    /// <param name="console">The writer for the sanitized text.</param>
    /// <param name="keepColors">Whether to keep the colors that the logger writes on a terminal.</param>
    public SafeConsole(TextWriter console, bool keepColors)
    {
        ArgumentNullException.ThrowIfNull(console);
        _console = console;
        _keepColors = keepColors;
        CoreNewLine = console.NewLine.ToCharArray();
    }

    public override Encoding Encoding => _console.Encoding;

    /// <summary>Wraps standard output and standard error; loggers that are created later write through the wrappers.</summary>
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
        // A single write per call, so that entries of several threads don't mix.
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
