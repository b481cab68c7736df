using System.Globalization;
using Microsoft.AspNetCore.Components;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>This part: the search.</summary>
public sealed partial class LogViewer
{
    private string _find = "";
    private string _searched = "";
    private LogMatches? _matches;

    /// <summary>Which match is shown; negative: the address's line is, and holds none.</summary>
    private int _match;

    private string MatchWords =>
        _matches switch
        {
            null => "",
            { Lines.Count: 0 } m => "not found" + Left(m),
            var m when _match < 0 => $"{Count(m)} found{Left(m)}",
            var m => $"{_match + 1} of {Count(m)}{Left(m)}",
        };

    private static string Count(LogMatches matches) => $"{matches.Lines.Count}{(matches.More ? "+" : "")}";

    private static string Left(LogMatches matches) => matches.Cut ? " (only the first 64 KiB of a line are searched)" : "";

    private Task FindNextAsync() => FindAsync(1);

    private Task FindBeforeAsync() => FindAsync(-1);

    /// <summary>What the person wants by Enter: another text, the next of the same, or, after a colon, a line.</summary>
    private async Task FindAsync(int step)
    {
        if (_find is [':', .. var number] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var line))
        {
            _find = "";
            Forget();
            Choose(Math.Clamp(line, 1, Math.Max(1, View?.State.Lines ?? 1)));
            await ToLineAsync(line);
        }
        else if (_find.Length > 0 && _find == _searched && _matches is { Lines.Count: > 0 } matches)
        {
            await ToMatchAsync(Next(matches, step));
        }
        else if (_find.Length > 0)
        {
            await SearchAsync();
            if (_match < 0)
            {
                await ToMatchAsync(0);
            }
        }
        else
        {
            Forget();
            Choose(null);
        }
    }

    /// <summary>Looks for the text; shows its first match unless the address has a line, which then wins.</summary>
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
        _match = ChosenLine is { } line ? found.Lines.ToList().IndexOf(line) : -1;
        if (ChosenLine is null)
        {
            await ToMatchAsync(0);
        }
        else if (_match >= 0)
        {
            // Drawn again, it has its marks: one of them may be far to the right.
            await ToLineAsync(found.Lines[_match]);
        }

        StateHasChanged();
    }

    /// <summary>Looks through what was printed since; the last line looked at may have been half a line.</summary>
    private async Task FindMoreAsync()
    {
        if (_matches is not { More: false } before || View!.State.Lines < before.Last)
        {
            return;
        }

        var more = await TryAsync(index => index.FindAsync(_searched, before.Last, CancellationToken.None));
        if (more is not null && ReferenceEquals(before, _matches))
        {
            _matches = more with { Lines = [.. before.Lines.Where(l => l < before.Last), .. more.Lines], Cut = before.Cut || more.Cut };
            _match = Math.Min(_match, _matches.Lines.Count - 1);
        }
    }

    private int Next(LogMatches matches, int step)
    {
        if (_match >= 0)
        {
            return _match + step;
        }

        var after = matches.Lines.TakeWhile(l => l < ChosenLine).Count();
        return step > 0 ? after : after - 1;
    }

    private async Task ToMatchAsync(int match)
    {
        if (_matches is { Lines.Count: > 0 and var count } matches)
        {
            _match = ((match % count) + count) % count;
            Choose(matches.Lines[_match]);
            await ToLineAsync(matches.Lines[_match]);
        }
    }

    private void Forget() => (_matches, _searched) = (null, "");

    /// <summary>Makes a line the one that is marked, in the address if that is this log's.</summary>
    private void Choose(int? line)
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
