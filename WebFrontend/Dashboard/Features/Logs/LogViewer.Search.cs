using System.Globalization;
using Microsoft.AspNetCore.Components;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <content>The search.</content>
public sealed partial class LogViewer
{
    private string _find = "";
    private string _searched = "";
    private LogMatches? _matches;

    /// <summary>The index of the current match; negative while the line of the address is shown and contains none.</summary>
    private int _match;

    private string MatchSummary =>
        _matches switch
        {
            null => "",
            { Lines.Count: 0 } m => "No matches" + Limit(m),
            var m when _match < 0 => $"{Count(m)} {(m.Lines.Count == 1 ? "match" : "matches")}{Limit(m)}",
            var m => $"{_match + 1} of {Count(m)}{Limit(m)}",
        };

    private static string Count(LogMatches matches) => $"{matches.Lines.Count}{(matches.More ? "+" : "")}";

    private static string Limit(LogMatches matches) => matches.Cut ? " (only the first 64 KiB of each line were searched)" : "";

    private Task FindNextAsync() => FindAsync(1);

    private Task FindPreviousAsync() => FindAsync(-1);

    /// <summary>Handles Enter: searches for a new text, goes to the next match of the same one, or, after a colon, to a line.</summary>
    private async Task FindAsync(int step)
    {
        if (_find is [':', .. var number] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var line))
        {
            _find = "";
            ClearMatches();
            SelectLine(Math.Clamp(line, 1, Math.Max(1, View?.State.Lines ?? 1)));
            await GoToLineAsync(line);
        }
        else if (_find.Length > 0 && _find == _searched && _matches is { Lines.Count: > 0 } matches)
        {
            await GoToMatchAsync(Next(matches, step));
        }
        else if (_find.Length > 0)
        {
            await SearchAsync();
            if (_match < 0)
            {
                await GoToMatchAsync(0);
            }
        }
        else
        {
            ClearMatches();
            SelectLine(null);
        }
    }

    /// <summary>Searches for the text and goes to its first match, unless the address names a line.</summary>
    private async Task SearchAsync()
    {
        var text = _searched = _find;
        _matches = null;
        if (text.Length == 0)
        {
            return;
        }

        var found = await TryAsync(index => index.FindAsync(text, 1, CancellationToken.None));
        if (found is null || text != _searched)
        {
            return;
        }

        _matches = found;
        _match = SelectedLine is { } line ? found.Lines.ToList().IndexOf(line) : -1;
        if (SelectedLine is null)
        {
            await GoToMatchAsync(0);
        }
        else if (_match >= 0)
        {
            // After rendering, the line has highlights; one of them may be far to the right.
            await GoToLineAsync(found.Lines[_match]);
        }

        StateHasChanged();
    }

    /// <summary>Searches what was printed since. The last line that was searched may have been incomplete.</summary>
    private async Task FindMoreAsync()
    {
        if (_matches is not { More: false } known || View!.State.Lines < known.Last)
        {
            return;
        }

        var more = await TryAsync(index => index.FindAsync(_searched, known.Last, CancellationToken.None));
        if (more is not null && ReferenceEquals(known, _matches))
        {
            _matches = more with { Lines = [.. known.Lines.Where(l => l < known.Last), .. more.Lines], Cut = known.Cut || more.Cut };
            _match = Math.Min(_match, _matches.Lines.Count - 1);
        }
    }

    private int Next(LogMatches matches, int step)
    {
        if (_match >= 0)
        {
            return _match + step;
        }

        var after = matches.Lines.TakeWhile(l => l < SelectedLine).Count();
        return step > 0 ? after : after - 1;
    }

    private async Task GoToMatchAsync(int match)
    {
        if (_matches is { Lines.Count: > 0 and var count } matches)
        {
            _match = ((match % count) + count) % count;
            SelectLine(matches.Lines[_match]);
            await GoToLineAsync(matches.Lines[_match]);
        }
    }

    private void ClearMatches() => (_matches, _searched) = (null, "");

    /// <summary>Selects a line; in the address, if that is for this log.</summary>
    private void SelectLine(int? line)
    {
        if (!IsMain)
        {
            _line = line;
            return;
        }

        Navigation.NavigateTo(
            Navigation.GetUriWithQueryParameters(
                new Dictionary<string, object?> { ["line"] = line, ["find"] = _searched.Length == 0 ? null : _searched }
            ),
            replace: true
        );
    }
}
