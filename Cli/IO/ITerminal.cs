using Spectre.Console.Rendering;

namespace Shipinator.Cli.IO;

/// <summary>
/// Where results, messages and logs go. Whole lines only, so that what runs side by side never mixes within one. All text is
/// cleaned by <see cref="TerminalText"/> on its way; only <see cref="OpenOutput"/> takes bytes as they are.
/// </summary>
internal interface ITerminal
{
    /// <summary>True when a person is looking: colors and a status line make sense.</summary>
    bool IsInteractive { get; }

    /// <summary>True when standard output is a terminal, whatever it can show: raw bytes must not go there.</summary>
    bool IsOutputTerminal { get; }

    /// <summary>A result: standard output.</summary>
    void Result(string line);

    /// <summary>A table or tree for people: standard output, or standard error when that one is taken by JSON.</summary>
    void Show(IRenderable content);

    /// <summary>Progress for people, in Spectre's markup; same place as <see cref="Show"/>.</summary>
    void Say(string markup);

    /// <summary>A line of a log, taken literally, after a prefix in a color; an empty prefix is left out.</summary>
    void LogLine(string prefix, string color, string line);

    /// <summary>A note for people that is no result: standard error.</summary>
    void Note(string text);

    /// <summary>What went wrong: standard error.</summary>
    void Error(string text);

    /// <summary>How many lines <see cref="Status"/> may have without pushing the rest out of sight.</summary>
    int StatusHeight { get; }

    /// <summary>The lines at the bottom that say what is going on; none takes them away. Nothing without a person.</summary>
    void Status(IReadOnlyList<StatusLine> lines);

    /// <summary>Raw bytes of standard output.</summary>
    Stream OpenOutput();
}

/// <summary>A line of the status, in one of Spectre's colours; cut where the window ends.</summary>
internal sealed record StatusLine(string Color, string Text);
