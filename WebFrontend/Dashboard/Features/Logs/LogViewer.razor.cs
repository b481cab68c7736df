using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.JSInterop;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>
/// An execution's log, live: the lines in sight are read from the store when they come into sight, so that a log of any length
/// opens at once. Line, search and ways of showing are in the address. This part: where in the log the person is.
/// </summary>
public sealed partial class LogViewer
{
    /// <summary>Lines of varying height can't be placed without being drawn: so many are drawn at once when they are wrapped.</summary>
    private const int WrapWindow = 1000;

    /// <summary>No browser lets a box be higher than some 33 million pixels: so many lines of 20 are within reach of its scrollbar.</summary>
    private const int Window = 1_000_000;

    private ElementReference _box;
    private Virtualize<LogLine>? _rows;
    private DotNetObjectReference<LogViewer>? _me;
    private LogLook? _seen;
    private Goal? _goal;
    private Goal? _place;
    private bool _isFollowing;
    private bool _isBegun;
    private bool _isAttached;
    private bool _isSealed;
    private int _first = 1;
    private int? _line;
    private IReadOnlyList<LogLine> _wrapped = [];

    /// <summary>Whose log.</summary>
    [Parameter, EditorRequired]
    public ExecutionId Execution { get; set; }

    /// <summary>Whose log stands beside it, if one does.</summary>
    [Parameter]
    public ExecutionId? Beside { get; set; }

    /// <summary>What the download is called.</summary>
    [Parameter]
    public string FileName { get; set; } = "log.txt";

    /// <summary>How the address wants logs to be shown.</summary>
    [Parameter]
    public LogLook Look { get; set; } = new();

    /// <summary>Whether line and search of the address are meant for this one, when two stand side by side.</summary>
    [Parameter]
    public bool IsMain { get; set; } = true;

    /// <summary>The browser's side.</summary>
    [Inject]
    public required IJSRuntime Js { get; set; }

    /// <summary>The address.</summary>
    [Inject]
    public required NavigationManager Navigation { get; set; }

    private int? ChosenLine => IsMain ? Look.Line : _line;

    private bool IsWrapped => Look.IsWrapped;

    private bool HasTimes => Look.HasTimes;

    private int Most => IsWrapped ? WrapWindow : Window;

    /// <summary>How many lines can be reached by scrolling.</summary>
    private int Reach => Math.Clamp((View?.State.Lines ?? 0) - _first + 1, 0, Most);

    /// <summary>The person scrolled away from the end, or back to it.</summary>
    [JSInvokable]
    public void FollowChanged(bool following)
    {
        if (_isFollowing != following)
        {
            _isFollowing = following;
            StateHasChanged();
        }
    }

    /// <summary>The key f.</summary>
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
                // The browser is gone, and what was attached with it.
            }
        }

        _me?.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        _find = IsMain ? Look.Find ?? "" : "";
        _isFollowing = ChosenLine is null && _find.Length == 0;
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        var before = _seen;
        _seen = Look;
        Watch(Execution);
        if (before is null || before == Look)
        {
            return;
        }

        if (before.IsWrapped != Look.IsWrapped)
        {
            // Where the person was is told by whoever pressed the button; the address alone knows the line.
            var place = _place ?? new(ChosenLine ?? _first, null, _isFollowing);
            (_place, _first) = (null, 1);
            await GoAsync(place);
        }

        if (IsMain && before.Find != Look.Find && (Look.Find ?? "") != _searched)
        {
            _find = Look.Find ?? "";
            await SearchAsync();
        }

        if (IsMain && before.Line != Look.Line && Look.Line is { } line)
        {
            await ToLineAsync(line);
        }
    }

    /// <inheritdoc/>
    protected override async Task ChangedAsync()
    {
        if (View is not { State.Lines: > 0 and var lines } view)
        {
            return;
        }

        if (!_isBegun)
        {
            _isBegun = true;
            // A finished log opens at its end, where the reason is.
            _goal =
                ChosenLine is { } line ? new(Math.Min(line, lines), null, false)
                : _find.Length == 0 && view.State.Sealed ? new(lines, 1, false)
                : null;
            _isFollowing &= !view.State.Sealed;
            await ArrangeAsync(_goal?.Line);
        }
        else if (IsWrapped ? _isFollowing || _wrapped.Count < WrapWindow : _isFollowing && lines - _first >= Most)
        {
            await ArrangeAsync();
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
            // Who followed sees the last line, and is then free to scroll: nothing comes after it.
            _isSealed = true;
            _isFollowing = false;
            await Js.InvokeVoidAsync("shipinator.log.seal", _box, lines);
        }
    }

    private Task ToLineAsync(int line) => GoAsync(new(line, null, false));

    private Task ToEndAsync() => GoAsync(new(int.MaxValue, 1, View?.State.Sealed == false));

    private Task BeforeAsync()
    {
        var edge = _first - 1;
        _first = Math.Max(1, _first - Most);
        return GoAsync(new(edge, 1, false));
    }

    private Task AfterAsync()
    {
        _first += Most;
        return GoAsync(new(_first, 0, false));
    }

    private async Task GoAsync(Goal goal)
    {
        if (View is not { State.Lines: > 0 and var lines })
        {
            return;
        }

        _isFollowing = goal.Follow;
        goal = goal with { Line = goal.Follow ? lines : Math.Clamp(goal.Line, 1, lines) };
        _goal = goal;
        await ArrangeAsync(goal.Line);
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
            await ToEndAsync();
            return;
        }

        _isFollowing = false;
        StateHasChanged();
        await Js.InvokeVoidAsync("shipinator.log.follow", _box, false);
    }

    private void ToggleTimes() =>
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("times", HasTimes ? null : LogLook.Yes), replace: true);

    private async Task ToggleWrapAsync()
    {
        var line = View is { State.Lines: > 0 } ? await Js.InvokeAsync<int?>("shipinator.log.where", _box) : null;
        _place = line is { } at ? new(at, at == ChosenLine ? null : 0, _isFollowing) : null;
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("wrap", IsWrapped ? null : LogLook.Yes), replace: true);
    }

    /// <summary>Brings a line, or the end that is followed, within reach.</summary>
    private async Task ArrangeAsync(int? line = null)
    {
        var lines = View!.State.Lines;
        if (line is { } l && (l < _first || l - _first >= Most))
        {
            _first = Math.Max(1, l - (Most / 2));
        }
        else if (_isFollowing && lines - _first >= Most)
        {
            // All that is drawn is drawn anew when this moves: seldom, where it can be.
            _first = lines - (IsWrapped ? Most - 1 : Most / 2);
        }

        _wrapped = IsWrapped ? await ReadAsync(_first, WrapWindow, CancellationToken.None) : [];
    }

    /// <summary>A line of the log that is not the address's own becomes one by leading to that log; the two stay side by side.</summary>
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

    /// <summary>Where to be once it is drawn. Align: 0 at the top, 1 at the bottom, null wherever it is seen.</summary>
    private sealed record Goal(int Line, double? Align, bool Follow);
}
