using System.Globalization;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>What the input of a log's search does: it searches, steps through the matches, and goes to lines.</summary>
/// <param name="search">The search.</param>
/// <param name="selected">The selected line, if any.</param>
/// <param name="lines">The number of lines of the log.</param>
/// <param name="select">Selects a line, or none.</param>
/// <param name="goTo">Scrolls to a line.</param>
internal sealed class LogFind(LogSearch search, Func<int?> selected, Func<int> lines, Action<int?> select, Func<int, Task> goTo)
{
    /// <summary>
    /// Handles Enter: searches for a new text, goes to the next match (1) or the previous one (-1) of the same one, or, after a colon, to
    /// a line.
    /// </summary>
    public async Task EnterAsync(int step)
    {
        if (search.Text is [':', .. var number] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var line))
        {
            search.Text = "";
            search.Clear();
            select(Math.Clamp(line, 1, Math.Max(1, lines())));
            await goTo(line);
        }
        else if (search.IsSearched)
        {
            await GoToMatchAsync(search.Step(step));
        }
        else if (search.Text.Length > 0)
        {
            await SearchAsync();
            if (!search.IsAtMatch)
            {
                await GoToMatchAsync(search.Choose(0));
            }
        }
        else
        {
            search.Clear();
            select(null);
        }
    }

    /// <summary>
    /// Searches for the text and goes to its first match, unless a line is selected. False as for <see cref="LogSearch.RunAsync"/>.
    /// </summary>
    public async Task<bool> SearchAsync()
    {
        if (!await search.RunAsync())
        {
            return false;
        }

        if (selected() is null)
        {
            await GoToMatchAsync(search.Choose(0));
        }
        else if (search.CurrentLine is { } line)
        {
            // After rendering, the line has highlights; one of them may be far to the right.
            await goTo(line);
        }

        return true;
    }

    private async Task GoToMatchAsync(int? line)
    {
        if (line is { } match)
        {
            select(match);
            await goTo(match);
        }
    }
}
