using Spectre.Console.Rendering;

namespace Shipinator.Cli.IO;

/// <summary>
/// Writes results, messages and logs. Always whole lines, so that output of parallel steps never mixes within a line. All text is
/// sanitized by <see cref="TerminalText"/>; only <see cref="OpenOutput"/> writes raw bytes.
/// </summary>
internal interface ITerminal
{
    /// <summary>Whether the output is an interactive terminal, which can show colors and status lines.</summary>
    bool IsInteractive { get; }

    /// <summary>Whether standard output is any terminal, to which raw bytes must not be written.</summary>
    bool IsOutputTerminal { get; }

    /// <summary>Writes a result to standard output.</summary>
    void WriteResult(string line);

    /// <summary>Writes a table to standard output, or to standard error with JSON output.</summary>
    void Write(IRenderable content);

    /// <summary>Writes a line of Spectre markup to the same stream as <see cref="Write"/>.</summary>
    void WriteMarkup(string markup);

    /// <summary>Writes a log line literally after a colored prefix; an empty prefix is omitted.</summary>
    void WriteLogLine(string prefix, string color, string line);

    /// <summary>Writes a note to standard error.</summary>
    void WriteNote(string text);

    /// <summary>Writes an error message to standard error.</summary>
    void WriteError(string text);

    /// <summary>The maximum number of lines for <see cref="ShowStatus"/>, so that other output stays visible.</summary>
    int StatusHeight { get; }

    /// <summary>Replaces the status lines at the bottom; an empty list removes them. Does nothing unless interactive.</summary>
    void ShowStatus(IReadOnlyList<StatusLine> lines);

    /// <summary>Opens standard output for raw bytes.</summary>
    Stream OpenOutput();
}

/// <summary>A status line in one of Spectre's colors; truncated at the width of the window.</summary>
internal sealed record StatusLine(string Color, string Text);
