using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>A search in a log: its text, its matches and which of them is the current one.</summary>
/// <param name="reader">Reads the log.</param>
/// <param name="selected">The selected line, if any.</param>
internal sealed class LogSearch(LogReader reader, Func<int?> selected)
{
    /// <summary>The index of the current match; negative while a selected line is shown that contains none.</summary>
    private int _match;
    private LogMatches? _matches;

    /// <summary>The text in the input, which may not have been searched yet.</summary>
    public string Text { get; set; } = "";

    /// <summary>The text that was searched last; empty for none.</summary>
    public string Searched { get; private set; } = "";

    public bool HasMatches => _matches is { Lines.Count: > 0 };

    /// <summary>Whether <see cref="Text"/> was searched already, with matches to step through.</summary>
    public bool IsSearched => Text.Length > 0 && Text == Searched && HasMatches;

    public bool IsAtMatch => _match >= 0;

    /// <summary>The line of the current match, if any.</summary>
    public int? CurrentLine => HasMatches && IsAtMatch ? _matches!.Lines[_match] : null;

    public string Summary =>
        _matches switch
        {
            null => "",
            { Lines.Count: 0 } m => "No matches" + Limit(m),
            var m when _match < 0 => $"{Count(m)} {(m.Lines.Count == 1 ? "match" : "matches")}{Limit(m)}",
            var m => $"{_match + 1} of {Count(m)}{Limit(m)}",
        };

    /// <summary>
    /// Searches for <see cref="Text"/>; the current match is that of the selected line. False without a text, after an error, and when
    /// another text was searched meanwhile.
    /// </summary>
    public async Task<bool> RunAsync()
    {
        var text = Searched = Text;
        _matches = null;
        if (text.Length == 0)
        {
            return false;
        }

        var found = await reader.FindAsync(text, 1);
        if (found is null || text != Searched)
        {
            return false;
        }

        _matches = found;
        _match = selected() is { } line ? found.Lines.ToList().IndexOf(line) : -1;
        return true;
    }

    /// <summary>Searches what was printed since. The last line that was searched may have been incomplete.</summary>
    public async Task ContinueAsync(int lines)
    {
        if (_matches is not { More: false } known || lines < known.Last)
        {
            return;
        }

        var more = await reader.FindAsync(Searched, known.Last);
        if (more is not null && ReferenceEquals(known, _matches))
        {
            List<int> all = [.. known.Lines.Where(l => l < known.Last), .. more.Lines];
            _matches = more with { Lines = all, Cut = known.Cut || more.Cut };
            _match = Math.Min(_match, _matches.Lines.Count - 1);
        }
    }

    /// <summary>Makes a match the current one, counted around the end; returns its line, or null when there is no match.</summary>
    public int? Choose(int match)
    {
        if (_matches is not { Lines.Count: > 0 and var count } matches)
        {
            return null;
        }

        _match = ((match % count) + count) % count;
        return matches.Lines[_match];
    }

    /// <summary>
    /// As <see cref="Choose"/>, the next match (1) or the previous one (-1), from the selected line if that contains none.
    /// </summary>
    public int? Step(int step)
    {
        if (_matches is null || IsAtMatch)
        {
            return Choose(_match + step);
        }

        var after = _matches.Lines.TakeWhile(l => l < selected()).Count();
        return Choose(step > 0 ? after : after - 1);
    }

    public void Clear() => (_matches, Searched) = (null, "");

    private static string Count(LogMatches matches) => $"{matches.Lines.Count}{(matches.More ? "+" : "")}";

    private static string Limit(LogMatches matches) => matches.Cut ? " (only the first 64 KiB of each line were searched)" : "";
}
