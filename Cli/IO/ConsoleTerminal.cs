using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Shipinator.Cli.IO;

/// <summary>The console of this process.</summary>
internal sealed class ConsoleTerminal : ITerminal
{
    private readonly Lock _gate = new();
    private readonly bool _json;
    private readonly IAnsiConsole _console;
    private IReadOnlyList<StatusLine> _status = [];
    private int _drawn;

    public ConsoleTerminal(bool json)
    {
        _json = json;
        var redirected = json ? Console.IsErrorRedirected : Console.IsOutputRedirected;
        var dumb = Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb";
        IsInteractive = !redirected && !dumb;
        IsOutputTerminal = !Console.IsOutputRedirected;
        // Spectre's detection respects NO_COLOR, which does not affect status lines.
        _console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = IsInteractive ? AnsiSupport.Detect : AnsiSupport.No,
                ColorSystem = IsInteractive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
                Interactive = IsInteractive ? InteractionSupport.Detect : InteractionSupport.No,
                Out = new AnsiConsoleOutput(json ? Console.Error : Console.Out),
            }
        );
        if (!IsInteractive)
        {
            // Not a window: don't wrap lines.
            _console.Profile.Width = 400;
        }
    }

    public bool IsInteractive { get; }

    public bool IsOutputTerminal { get; }

    public void WriteResult(string line)
    {
        lock (_gate)
        {
            Erase();
            Console.Out.WriteLine(TerminalText.Message(line));
            Draw();
        }
    }

    public void Write(IRenderable content)
    {
        lock (_gate)
        {
            Erase();
            var safe = new SafeRenderable(content);
            if (IsInteractive)
            {
                _console.Write(safe);
            }
            else
            {
                WritePlain(safe);
            }

            Draw();
        }
    }

    public void WriteMarkup(string markup)
    {
        lock (_gate)
        {
            Erase();
            if (IsInteractive)
            {
                _console.Write(new SafeRenderable(new Markup(markup + "\n")));
            }
            else
            {
                TextOutput.WriteLine(TerminalText.Message(Markup.Remove(markup)));
            }

            Draw();
        }
    }

    public void WriteLogLine(string prefix, string color, string line)
    {
        var clean = TerminalText.Log(line, keepColors: IsInteractive);
        var before = prefix.Length == 0 ? "" : TerminalText.Name(prefix) + " ";
        lock (_gate)
        {
            Erase();
            if (IsInteractive)
            {
                _console.Markup($"[{color}]{Markup.Escape(before)}[/]");
                TextOutput.WriteLine(clean + (clean.Contains('\u001b', StringComparison.Ordinal) ? "\u001b[0m" : ""));
            }
            else
            {
                TextOutput.WriteLine(before + clean);
            }

            Draw();
        }
    }

    public void WriteNote(string text) => WriteToError(text);

    public void WriteError(string text) => WriteToError($"shipinator: {text}");

    public int StatusHeight => Math.Clamp(_console.Profile.Height / 2, 2, 24);

    public void ShowStatus(IReadOnlyList<StatusLine> lines)
    {
        if (!IsInteractive)
        {
            return;
        }

        lock (_gate)
        {
            Erase();
            _status = lines;
            Draw();
        }
    }

    public Stream OpenOutput() => Console.OpenStandardOutput();

    private TextWriter TextOutput => _json ? Console.Error : Console.Out;

    private void WriteToError(string text)
    {
        lock (_gate)
        {
            Erase();
            Console.Error.WriteLine(TerminalText.Message(text));
            Draw();
        }
    }

    /// <summary>Omits the trailing spaces of the last table column.</summary>
    private void WritePlain(IRenderable content)
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
                Out = new AnsiConsoleOutput(text),
            }
        );
        console.Profile.Width = 400;
        console.Profile.Encoding = Encoding.UTF8;
        console.Write(content);
        foreach (var line in text.ToString().TrimEnd('\n').Split('\n'))
        {
            TextOutput.WriteLine(line.TrimEnd());
        }
    }

    /// <summary>Erases the status lines; the cursor is at the end of the last one.</summary>
    private void Erase()
    {
        if (_drawn > 0)
        {
            var up = _drawn > 1 ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"\u001b[{_drawn - 1}A") : "";
            TextOutput.Write($"\r{up}\u001b[0J");
            _drawn = 0;
        }
    }

    private void Draw()
    {
        // A line as wide as the window would wrap and then not be erased completely.
        var width = Math.Max(10, _console.Profile.Width - 1);
        for (var i = 0; i < _status.Count; i++)
        {
            var text = TerminalText.Name(_status[i].Text);
            _console.Markup($"[{_status[i].Color}]{Markup.Escape(text.Length > width ? text[..width] : text)}[/]");
            if (i + 1 < _status.Count)
            {
                TextOutput.WriteLine();
            }
        }

        _drawn = _status.Count;
    }
}
