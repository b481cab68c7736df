using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.JSInterop;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>
/// The live log of an execution. Lines are read from the store when they scroll into view, so that a log of any length opens immediately.
/// The selected line, the search and the display options are in the address.
/// </summary>
public sealed partial class LogViewer
{
    private readonly LogReader _reader;
    private readonly LogSearch _search;
    private readonly LogFind _find;
    private readonly LogWindow _window;
    private LogScripts? _scripts;
    private LogAddress _address = null!;
    private ElementReference _box;
    private Virtualize<LogLine>? _rows;
    private LogViewOptions? _shownOptions;
    private Goal? _goal;
    private Goal? _wrapPosition;
    private bool _isFollowing;
    private bool _isOpened;
    private bool _isSealed;
    private int? _line;

    public LogViewer()
    {
        _reader = new(() => View, StateHasChanged);
        _search = new(_reader, () => SelectedLine);
        _find = new(_search, () => SelectedLine, () => View?.State.Lines ?? 1, SelectLine, GoToLineAsync);
        _window = new(_reader);
    }

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

    private bool HasTimes => Options.HasTimes;

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
    public ValueTask DisposeAsync()
    {
        Dispose();
        // Absent when the component was never initialized.
        return _scripts?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        _search.Text = IsMain ? Options.Find ?? "" : "";
        _isFollowing = SelectedLine is null && _search.Text.Length == 0;
        _window.Restart(Options.IsWrapped);
        (_scripts, _address) = (new(Js), new(Navigation));
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
            var position = _wrapPosition ?? new(SelectedLine ?? _window.First, null, _isFollowing);
            _wrapPosition = null;
            _window.Restart(Options.IsWrapped);
            await ScrollToAsync(position);
        }

        if (IsMain && before.Find != Options.Find && (Options.Find ?? "") != _search.Searched)
        {
            _search.Text = Options.Find ?? "";
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
                : _search.Text.Length == 0 && view.State.Sealed ? new(lines, 1, false)
                : null;
            _isFollowing &= !view.State.Sealed;
            await _window.MoveAsync(lines, _goal?.Line, _isFollowing);
        }
        else if (_window.IsWrapped ? _isFollowing || _window.Wrapped.Count < LogWindow.WrapSize : _isFollowing && _window.EndsBefore(lines))
        {
            await _window.MoveAsync(lines, null, _isFollowing);
        }

        if (_rows is not null && !_window.IsWrapped)
        {
            await _rows.RefreshDataAsync();
        }

        await _search.ContinueAsync(View.State.Lines);
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (View is not { State.Lines: > 0 and var lines } view)
        {
            return;
        }

        if (!_scripts!.IsAttached)
        {
            _isSealed = view.State.Sealed;
            await _scripts!.AttachAsync(_box, this, _isFollowing, !_isSealed);
            if (_search.Text.Length > 0)
            {
                await SearchAsync();
            }
        }

        if (_goal is { } goal)
        {
            _goal = null;
            await _scripts!.GoAsync(goal.Line, goal.Align, goal.Follow);
        }

        if (view.State.Sealed && !_isSealed)
        {
            // A user who followed the log sees its last line, and can then scroll: no more lines follow.
            _isSealed = true;
            _isFollowing = false;
            await _scripts!.SealAsync(lines);
        }
    }

    private Task GoToLineAsync(int line) => ScrollToAsync(new(line, null, false));

    private Task GoToEndAsync() => ScrollToAsync(new(int.MaxValue, 1, View?.State.Sealed == false));

    private Task ShowEarlierAsync() => ScrollToAsync(new(_window.MoveUp(), 1, false));

    private Task ShowLaterAsync() => ScrollToAsync(new(_window.MoveDown(), 0, false));

    private async Task ScrollToAsync(Goal goal)
    {
        if (View is not { State.Lines: > 0 and var lines })
        {
            return;
        }

        _isFollowing = goal.Follow;
        goal = goal with { Line = goal.Follow ? lines : Math.Clamp(goal.Line, 1, lines) };
        _goal = goal;
        await _window.MoveAsync(lines, goal.Line, _isFollowing);
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
        await _scripts!.FollowAsync(false);
    }

    private void ToggleTimes() => _address.ShowTimes(!HasTimes);

    private async Task ToggleWrapAsync()
    {
        var line = View is { State.Lines: > 0 } ? await _scripts!.WhereAsync() : null;
        _wrapPosition = line is { } at ? new(at, at == SelectedLine ? null : 0, _isFollowing) : null;
        _address.Wrap(!_window.IsWrapped);
    }

    private ValueTask<ItemsProviderResult<LogLine>> ProvideAsync(ItemsProviderRequest request) =>
        _window.ProvideAsync(request, View?.State.Lines ?? 0);

    private Task FindNextAsync() => _find.EnterAsync(1);

    private Task FindPreviousAsync() => _find.EnterAsync(-1);

    private async Task SearchAsync()
    {
        if (await _find.SearchAsync())
        {
            StateHasChanged();
        }
    }

    /// <summary>Selects a line; in the address, if that is for this log.</summary>
    private void SelectLine(int? line)
    {
        if (IsMain)
        {
            _address.Select(line, _search.Searched);
        }
        else
        {
            _line = line;
        }
    }

    private string LineLink(int line) => IsMain ? _address.LineLink(line) : _address.LineLink(line, Execution, Beside);

    /// <summary>Where to scroll after rendering. Align: 0 for the top, 1 for the bottom, null for anywhere in view.</summary>
    private sealed record Goal(int Line, double? Align, bool Follow);
}
