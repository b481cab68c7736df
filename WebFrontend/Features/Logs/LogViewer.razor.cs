using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.JSInterop;
using Shipinator.WebFrontend.Logs;

namespace Shipinator.WebFrontend.Features.Logs;

/// <summary>
/// What an address says of the way logs are shown. Only pages read their address: a component that did would be made while the
/// framework tells those that do of a change, which breaks it.
/// </summary>
public sealed record LogLook(int? Line = null, string? Find = null, bool IsWrapped = false, bool HasTimes = false)
{
    /// <summary>How an address says yes.</summary>
    public const string Yes = "1";
}

/// <summary>
/// An execution's log, live: the lines in sight are read from the store when they come into sight, so that a log of any length
/// opens at once. Line, search and ways of showing are in the address.
/// </summary>
public sealed partial class LogViewer
{
    /// <summary>Lines of varying height can't be placed without being drawn: so many are drawn at once when they are wrapped.</summary>
    private const int WrapWindow = 1000;

    private ElementReference _box;
    private Virtualize<LogLine>? _rows;
    private DotNetObjectReference<LogViewer>? _me;
    private bool _isFollowing;
    private bool _isJumped;
    private bool _isAttached;
    private bool _wasWrapped;
    private string _find = "";
    private LogMatches? _matches;
    private int _match;
    private int _wrapFirst = 1;
    private IReadOnlyList<LogLine> _wrapped = [];

    /// <summary>Whose log.</summary>
    [Parameter, EditorRequired]
    public ExecutionId Execution { get; set; }

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

    private int? ChosenLine => IsMain ? Look.Line : null;

    private bool IsWrapped => Look.IsWrapped;

    private bool HasTimes => Look.HasTimes;

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
        _wasWrapped = IsWrapped;
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        Watch(Execution);
        if (_wasWrapped != IsWrapped)
        {
            _wasWrapped = IsWrapped;
            await ShowChosenWrappedAsync();
        }
    }

    /// <inheritdoc/>
    protected override async Task ChangedAsync()
    {
        if (_rows is not null && !IsWrapped)
        {
            await _rows.RefreshDataAsync();
        }
        else if (IsWrapped && (_isFollowing || _wrapped.Count < WrapWindow))
        {
            await ShowChosenWrappedAsync();
        }
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (View is null || View.State.Lines == 0)
        {
            return;
        }

        if (!_isAttached)
        {
            _isAttached = true;
            _me = DotNetObjectReference.Create(this);
            await Js.InvokeVoidAsync("shipinator.log.attach", _box, _me, _isFollowing);
        }

        if (_isJumped)
        {
            return;
        }

        _isJumped = true;
        if (_find.Length > 0)
        {
            await FindAsync();
        }
        else if (ChosenLine is { } line)
        {
            await Js.InvokeVoidAsync("shipinator.log.toLine", _box, line);
        }
        else
        {
            // A finished log opens at its end, where the reason is.
            await Js.InvokeVoidAsync("shipinator.log.toEnd", _box);
        }
    }

    private async ValueTask<ItemsProviderResult<LogLine>> ProvideAsync(ItemsProviderRequest request)
    {
        if (View is not { } view || request.StartIndex >= view.State.Lines)
        {
            return new([], View?.State.Lines ?? 0);
        }

        var lines = await view.Index.ReadAsync(request.StartIndex + 1, Math.Min(request.Count, view.State.Lines - request.StartIndex), request.CancellationToken);
        return new(lines, view.State.Lines);
    }

    private async Task FindAsync()
    {
        if (View is null)
        {
            return;
        }

        if (_find.Length == 0)
        {
            _matches = null;
            Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("find", (string?)null), replace: true);
            return;
        }

        _matches = await View.Index.FindAsync(_find, 1, CancellationToken.None);
        await ToMatchAsync(ChosenLine is { } line && _matches.Lines.ToList().IndexOf(line) is var at and >= 0 ? at : 0);
    }

    private async Task ToMatchAsync(int match)
    {
        if (_matches is not { Lines.Count: > 0 } matches)
        {
            return;
        }

        _match = ((match % matches.Lines.Count) + matches.Lines.Count) % matches.Lines.Count;
        if (IsMain)
        {
            Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(new Dictionary<string, object?> { ["line"] = matches.Lines[_match], ["find"] = _find }), replace: true);
        }

        await ToLineAsync(matches.Lines[_match]);
    }

    private async Task ToLineAsync(int line)
    {
        _isFollowing = View is not null && line >= View.State.Lines;
        if (IsWrapped)
        {
            await ShowWrappedAsync(line - (WrapWindow / 2));
            StateHasChanged();
        }

        await Js.InvokeVoidAsync("shipinator.log.follow", _box, _isFollowing);
        await Js.InvokeVoidAsync(_isFollowing ? "shipinator.log.toEnd" : "shipinator.log.toLine", _box, line);
    }

    private async Task ToggleFollowAsync()
    {
        _isFollowing = !_isFollowing;
        await Js.InvokeVoidAsync("shipinator.log.follow", _box, _isFollowing);
        StateHasChanged();
    }

    private void ToggleTimes() => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("times", HasTimes ? null : LogLook.Yes), replace: true);

    private void ToggleWrap() => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("wrap", IsWrapped ? null : LogLook.Yes), replace: true);

    private Task ShowChosenWrappedAsync() => !IsWrapped || View is null
        ? Task.CompletedTask
        : ShowWrappedAsync(_isFollowing ? View.State.Lines - WrapWindow + 1 : (ChosenLine ?? 1) - (WrapWindow / 2));

    private async Task ShowWrappedAsync(int first)
    {
        _wrapFirst = Math.Max(1, first);
        _wrapped = View is null ? [] : await View.Index.ReadAsync(_wrapFirst, WrapWindow, CancellationToken.None);
    }

    private string LineLink(int line) => Navigation.GetUriWithQueryParameter("line", line);
}
