namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>Where a text stands in a line, whatever its case and its colours.</summary>
public static class LogHits
{
    /// <summary>The spans, cut where the text begins and ends.</summary>
    public static IEnumerable<(LogSpan Span, bool IsHit)> Mark(IReadOnlyList<LogSpan> spans, string text)
    {
        ArgumentNullException.ThrowIfNull(spans);
        ArgumentNullException.ThrowIfNull(text);
        var line = text.Length == 0 ? "" : string.Concat(spans.Select(s => s.Text));
        var (position, hit) = (0, Next(line, text, 0));
        foreach (var span in spans)
        {
            for (var begin = 0; begin < span.Text.Length; )
            {
                var isHit = position >= hit;
                var end = Math.Min(span.Text.Length, begin + (isHit ? hit + text.Length : hit) - position);
                yield return (span with { Text = span.Text[begin..end] }, isHit);
                position += end - begin;
                begin = end;
                if (position == hit + text.Length)
                {
                    hit = Next(line, text, position);
                }
            }
        }
    }

    // Beyond any line, and far enough from the greatest number to be added to.
    private static int Next(string line, string text, int from) =>
        text.Length > 0 && line.IndexOf(text, from, StringComparison.OrdinalIgnoreCase) is var at and >= 0 ? at : int.MaxValue / 2;
}
