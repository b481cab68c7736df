using Microsoft.AspNetCore.Components.Web.Virtualization;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>Which lines of a log can be reached by scrolling, from <see cref="First"/>.</summary>
internal sealed class LogWindow(LogReader reader)
{
    /// <summary>How many lines are rendered at once when they are wrapped: lines of varying height can't be virtualized.</summary>
    public const int WrapSize = 1000;

    /// <summary>
    /// How many lines of 20 pixels can be reached by scrolling: browsers limit the height of an element to about 33 million pixels.
    /// </summary>
    private const int ScrollSize = 1_000_000;

    /// <summary>The number of the first line, from 1.</summary>
    public int First { get; private set; } = 1;

    public bool IsWrapped { get; private set; }

    /// <summary>The lines to render when they are wrapped.</summary>
    public IReadOnlyList<LogLine> Wrapped { get; private set; } = [];

    /// <summary>The maximum number of lines.</summary>
    public int Size => IsWrapped ? WrapSize : ScrollSize;

    /// <summary>Whether a log of so many lines goes on after the window.</summary>
    public bool EndsBefore(int lines) => lines - First >= Size;

    /// <summary>Back to the first line, with wrapped lines or without.</summary>
    public void Restart(bool wrapped) => (IsWrapped, First) = (wrapped, 1);

    /// <summary>Moves up by one window; returns the line before the present one.</summary>
    public int MoveUp()
    {
        var edge = First - 1;
        First = Math.Max(1, First - Size);
        return edge;
    }

    /// <summary>Moves down by one window; returns its first line.</summary>
    public int MoveDown() => First += Size;

    /// <summary>
    /// Moves so that the window contains a line, or the end of the log when that is followed, and reads the wrapped lines.
    /// </summary>
    public async Task MoveAsync(int lines, int? line, bool following)
    {
        if (line is { } l && (l < First || EndsBefore(l)))
        {
            First = Math.Max(1, l - (Size / 2));
        }
        else if (following && EndsBefore(lines))
        {
            // Moving the window renders all lines again, so it moves by half its size where possible.
            First = lines - (IsWrapped ? Size - 1 : Size / 2);
        }

        Wrapped = IsWrapped ? await reader.LinesAsync(First, WrapSize, CancellationToken.None) : [];
    }

    /// <summary>The lines that scrolled into view, of a log of so many lines.</summary>
    public async ValueTask<ItemsProviderResult<LogLine>> ProvideAsync(ItemsProviderRequest request, int lines)
    {
        var reachable = Math.Clamp(lines - First + 1, 0, Size);
        var count = Math.Min(request.Count, reachable - request.StartIndex);
        return new(
            count <= 0 ? [] : await reader.LinesAsync(First + request.StartIndex, count, request.CancellationToken),
            // The window may have moved meanwhile.
            Math.Clamp(lines - First + 1, 0, Size)
        );
    }
}
