namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>Finds the search text in a line, ignoring case and styles.</summary>
public static class LogHits
{
    /// <summary>The spans, split where an occurrence of the text starts and ends.</summary>
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

    // Beyond the end of any line, and small enough that adding a length does not overflow.
    private static int Next(string line, string text, int from) =>
        text.Length > 0 && line.IndexOf(text, from, StringComparison.OrdinalIgnoreCase) is var at and >= 0 ? at : int.MaxValue / 2;
}
