using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Shipinator.Cli.IO;

/// <summary>The process' own console.</summary>
internal sealed class ConsoleTerminal : ITerminal
{
    private readonly Lock _gate = new();
    private readonly bool _json;
    private readonly IAnsiConsole _people;
    private IReadOnlyList<StatusLine> _status = [];
    private int _drawn;

    public ConsoleTerminal(bool json)
    {
        _json = json;
        var redirected = json ? Console.IsErrorRedirected : Console.IsOutputRedirected;
        var dumb = Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb";
        IsInteractive = !redirected && !dumb;
        IsOutputTerminal = !Console.IsOutputRedirected;
        // NO_COLOR is respected by Spectre's own detection; a status line is no color.
        _people = AnsiConsole.Create(
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
            // Nobody's window: lines are as long as they are.
            _people.Profile.Width = 400;
        }
    }

    public bool IsInteractive { get; }

    public bool IsOutputTerminal { get; }

    public void Result(string line)
    {
        lock (_gate)
        {
            Erase();
            Console.Out.WriteLine(TerminalText.Message(line));
            Draw();
        }
    }

    public void Show(IRenderable content)
    {
        lock (_gate)
        {
            Erase();
            var safe = new SafeRenderable(content);
            if (IsInteractive)
            {
                _people.Write(safe);
            }
            else
            {
                ShowPlain(safe);
            }

            Draw();
        }
    }

    public void Say(string markup)
    {
        lock (_gate)
        {
            Erase();
            if (IsInteractive)
            {
                _people.Write(new SafeRenderable(new Markup(markup + "\n")));
            }
            else
            {
                People.WriteLine(TerminalText.Message(Markup.Remove(markup)));
            }

            Draw();
        }
    }

    public void LogLine(string prefix, string color, string line)
    {
        var clean = TerminalText.Log(line, keepColors: IsInteractive);
        var before = prefix.Length == 0 ? "" : TerminalText.Name(prefix) + " ";
        lock (_gate)
        {
            Erase();
            if (IsInteractive)
            {
                _people.Markup($"[{color}]{Markup.Escape(before)}[/]");
                People.WriteLine(clean + (clean.Contains('\u001b', StringComparison.Ordinal) ? "\u001b[0m" : ""));
            }
            else
            {
                People.WriteLine(before + clean);
            }

            Draw();
        }
    }

    public void Note(string text) => ToError(text);

    public void Error(string text) => ToError($"shipinator: {text}");

    public int StatusHeight => Math.Clamp(_people.Profile.Height / 2, 2, 24);

    public void Status(IReadOnlyList<StatusLine> lines)
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

    private TextWriter People => _json ? Console.Error : Console.Out;

    private void ToError(string text)
    {
        lock (_gate)
        {
            Erase();
            Console.Error.WriteLine(TerminalText.Message(text));
            Draw();
        }
    }

    /// <summary>Without the spaces that a table pads its last column with.</summary>
    private void ShowPlain(IRenderable content)
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
            People.WriteLine(line.TrimEnd());
        }
    }

    /// <summary>The cursor stands at the end of the last line that was drawn.</summary>
    private void Erase()
    {
        if (_drawn > 0)
        {
            var up = _drawn > 1 ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"\u001b[{_drawn - 1}A") : "";
            People.Write($"\r{up}\u001b[0J");
            _drawn = 0;
        }
    }

    private void Draw()
    {
        // A line as wide as the window would wrap, and then not be erased whole.
        var width = Math.Max(10, _people.Profile.Width - 1);
        for (var i = 0; i < _status.Count; i++)
        {
            var text = TerminalText.Name(_status[i].Text);
            _people.Markup($"[{_status[i].Color}]{Markup.Escape(text.Length > width ? text[..width] : text)}[/]");
            if (i + 1 < _status.Count)
            {
                People.WriteLine();
            }
        }

        _drawn = _status.Count;
    }
}
