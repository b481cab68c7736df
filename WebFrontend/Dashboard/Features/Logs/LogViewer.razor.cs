using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.JSInterop;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>
/// The live log of an execution. Lines are read from the store when they scroll into view, so that a log of any length opens immediately.
/// The selected line, the search and the display options are in the address. This part: the position in the log.
/// </summary>
public sealed partial class LogViewer
{
    /// <summary>How many lines are rendered at once when they are wrapped: lines of varying height can't be virtualized.</summary>
    private const int WrapWindow = 1000;

    /// <summary>
    /// How many lines of 20 pixels can be reached by scrolling: browsers limit the height of an element to about 33 million pixels.
    /// </summary>
    private const int Window = 1_000_000;

    private ElementReference _box;
    private Virtualize<LogLine>? _rows;
    private DotNetObjectReference<LogViewer>? _me;
    private LogViewOptions? _shownOptions;
    private Goal? _goal;
    private Goal? _wrapPosition;
    private bool _isFollowing;
    private bool _isOpened;
    private bool _isAttached;
    private bool _isSealed;
    private int _first = 1;
    private int? _line;
    private IReadOnlyList<LogLine> _wrapped = [];

    [Parameter, EditorRequired]
    public ExecutionId Execution { get; set; }

    /// <summary>The execution whose log is shown side by side with this one, if any.</summary>
    [Parameter]
    public ExecutionId? Beside { get; set; }

    /// <summary>The file name of the download.</summary>
    [Parameter]
    public string FileName { get; set; } = "log.txt";

    /// <summary>What the address of the page asks for.</summary>
    [Parameter]
    public LogViewOptions Options { get; set; } = new();

    /// <summary>Whether the line and search of the address are for this log, when two are shown side by side.</summary>
    [Parameter]
    public bool IsMain { get; set; } = true;

    /// <summary>Calls the scripts in <c>app.js</c>.</summary>
    [Inject]
    public required IJSRuntime Js { get; set; }

    /// <summary>Reads and changes the address of the page.</summary>
    [Inject]
    public required NavigationManager Navigation { get; set; }

    private int? SelectedLine => IsMain ? Options.Line : _line;

    private bool IsWrapped => Options.IsWrapped;

    private bool HasTimes => Options.HasTimes;

    private int MaxLines => IsWrapped ? WrapWindow : Window;

    /// <summary>How many lines can be reached by scrolling.</summary>
    private int ReachableLines => Math.Clamp((View?.State.Lines ?? 0) - _first + 1, 0, MaxLines);

    /// <summary>Called by <c>app.js</c> when the user scrolls away from the end, or back to it.</summary>
    [JSInvokable]
    public void FollowChanged(bool following)
    {
        if (_isFollowing != following)
        {
            _isFollowing = following;
            StateHasChanged();
        }
    }

    /// <summary>Called by <c>app.js</c> for the key f.</summary>
    [JSInvokable]
    public Task FollowKeyAsync() => InvokeAsync(ToggleFollowAsync);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        if (_isAttached)
        {
            try
            {
                await Js.InvokeVoidAsync("shipinator.log.detach", _box);
            }
            catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException or JSException)
            {
                // The browser is gone, and the event handlers with it.
            }
        }

        _me?.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        _find = IsMain ? Options.Find ?? "" : "";
        _isFollowing = SelectedLine is null && _find.Length == 0;
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        var before = _shownOptions;
        _shownOptions = Options;
        Watch(Execution);
        if (before is null || before == Options)
        {
            return;
        }

        if (before.IsWrapped != Options.IsWrapped)
        {
            // The button stored the position; without it, as after Back, only the selected line is known.
            var position = _wrapPosition ?? new(SelectedLine ?? _first, null, _isFollowing);
            (_wrapPosition, _first) = (null, 1);
            await ScrollToAsync(position);
        }

        if (IsMain && before.Find != Options.Find && (Options.Find ?? "") != _searched)
        {
            _find = Options.Find ?? "";
            await SearchAsync();
        }

        if (IsMain && before.Line != Options.Line && Options.Line is { } line)
        {
            await GoToLineAsync(line);
        }
    }

    /// <inheritdoc/>
    protected override async Task ChangedAsync()
    {
        if (View is not { State.Lines: > 0 and var lines } view)
        {
            return;
        }

        if (!_isOpened)
        {
            _isOpened = true;
            // A finished log opens at its end, where the reason of a failure is.
            _goal =
                SelectedLine is { } line ? new(Math.Min(line, lines), null, false)
                : _find.Length == 0 && view.State.Sealed ? new(lines, 1, false)
                : null;
            _isFollowing &= !view.State.Sealed;
            await MoveWindowAsync(_goal?.Line);
        }
        else if (IsWrapped ? _isFollowing || _wrapped.Count < WrapWindow : _isFollowing && lines - _first >= MaxLines)
        {
            await MoveWindowAsync();
        }

        if (_rows is not null && !IsWrapped)
        {
            await _rows.RefreshDataAsync();
        }

        await FindMoreAsync();
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (View is not { State.Lines: > 0 and var lines } view)
        {
            return;
        }

        if (!_isAttached)
        {
            (_isAttached, _isSealed) = (true, view.State.Sealed);
            _me = DotNetObjectReference.Create(this);
            await Js.InvokeVoidAsync("shipinator.log.attach", _box, _me, _isFollowing, !_isSealed);
            if (_find.Length > 0)
            {
                await SearchAsync();
            }
        }

        if (_goal is { } goal)
        {
            _goal = null;
            await Js.InvokeVoidAsync("shipinator.log.go", _box, goal.Line, goal.Align, goal.Follow);
        }

        if (view.State.Sealed && !_isSealed)
        {
            // A user who followed the log sees its last line, and can then scroll: no more lines follow.
            _isSealed = true;
            _isFollowing = false;
            await Js.InvokeVoidAsync("shipinator.log.seal", _box, lines);
        }
    }

    private Task GoToLineAsync(int line) => ScrollToAsync(new(line, null, false));

    private Task GoToEndAsync() => ScrollToAsync(new(int.MaxValue, 1, View?.State.Sealed == false));

    private Task ShowEarlierAsync()
    {
        var edge = _first - 1;
        _first = Math.Max(1, _first - MaxLines);
        return ScrollToAsync(new(edge, 1, false));
    }

    private Task ShowLaterAsync()
    {
        _first += MaxLines;
        return ScrollToAsync(new(_first, 0, false));
    }

    private async Task ScrollToAsync(Goal goal)
    {
        if (View is not { State.Lines: > 0 and var lines })
        {
            return;
        }

        _isFollowing = goal.Follow;
        goal = goal with { Line = goal.Follow ? lines : Math.Clamp(goal.Line, 1, lines) };
        _goal = goal;
        await MoveWindowAsync(goal.Line);
        StateHasChanged();
    }

    private async Task ToggleFollowAsync()
    {
        if (View?.State.Sealed != false)
        {
            return;
        }

        if (!_isFollowing)
        {
            await GoToEndAsync();
            return;
        }

        _isFollowing = false;
        StateHasChanged();
        await Js.InvokeVoidAsync("shipinator.log.follow", _box, false);
    }

    private void ToggleTimes() =>
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("times", HasTimes ? null : LogViewOptions.On), replace: true);

    private async Task ToggleWrapAsync()
    {
        var line = View is { State.Lines: > 0 } ? await Js.InvokeAsync<int?>("shipinator.log.where", _box) : null;
        _wrapPosition = line is { } at ? new(at, at == SelectedLine ? null : 0, _isFollowing) : null;
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("wrap", IsWrapped ? null : LogViewOptions.On), replace: true);
    }

    /// <summary>Moves the window of reachable lines so that it contains a line, or the end when it is followed.</summary>
    private async Task MoveWindowAsync(int? line = null)
    {
        var lines = View!.State.Lines;
        if (line is { } l && (l < _first || l - _first >= MaxLines))
        {
            _first = Math.Max(1, l - (MaxLines / 2));
        }
        else if (_isFollowing && lines - _first >= MaxLines)
        {
            // Moving the window renders all lines again, so it moves by half its size where possible.
            _first = lines - (IsWrapped ? MaxLines - 1 : MaxLines / 2);
        }

        _wrapped = IsWrapped ? await ReadAsync(_first, WrapWindow, CancellationToken.None) : [];
    }

    /// <summary>The link of a line in the secondary log makes that log the main one; the two stay side by side.</summary>
    private string LineLink(int line) =>
        IsMain
            ? Navigation.GetUriWithQueryParameter("line", line)
            : Navigation.GetUriWithQueryParameters(
                new Dictionary<string, object?>
                {
                    ["execution"] = Execution.ToString(),
                    ["beside"] = Beside?.ToString(),
                    ["line"] = line,
                    ["find"] = null,
                }
            );

    /// <summary>Where to scroll after rendering. Align: 0 for the top, 1 for the bottom, null for anywhere in view.</summary>
    private sealed record Goal(int Line, double? Align, bool Follow);
}
