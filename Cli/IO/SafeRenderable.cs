using Spectre.Console;
using Spectre.Console.Rendering;

namespace Shipinator.Cli.IO;

/// <summary>Sanitizes the text of each segment, so that unsanitized text of a caller does not reach the terminal.</summary>
internal sealed class SafeRenderable(IRenderable inner) : IRenderable
{
    public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

    public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
        inner
            .Render(options, maxWidth)
            .Select(s => s.IsControlCode || s.IsLineBreak ? s : new Segment(TerminalText.Message(s.Text), s.Style));
}
