using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>Calls the scripts of <c>app.js</c> that scroll the element with the lines and observe where the user scrolls.</summary>
internal sealed class LogScripts(IJSRuntime js) : IAsyncDisposable
{
    private DotNetObjectReference<LogViewer>? _viewer;
    private ElementReference _box;

    public bool IsAttached => _viewer is not null;

    public ValueTask AttachAsync(ElementReference box, LogViewer viewer, bool following, bool grows)
    {
        (_box, _viewer) = (box, DotNetObjectReference.Create(viewer));
        return js.InvokeVoidAsync("shipinator.log.attach", _box, _viewer, following, grows);
    }

    public ValueTask GoAsync(int line, double? align, bool follow) => js.InvokeVoidAsync("shipinator.log.go", _box, line, align, follow);

    public ValueTask FollowAsync(bool follow) => js.InvokeVoidAsync("shipinator.log.follow", _box, follow);

    /// <summary>No more lines follow the last one.</summary>
    public ValueTask SealAsync(int lines) => js.InvokeVoidAsync("shipinator.log.seal", _box, lines);

    /// <summary>The line at the top of the visible part, if any.</summary>
    public ValueTask<int?> WhereAsync() => js.InvokeAsync<int?>("shipinator.log.where", _box);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_viewer is null)
        {
            return;
        }

        try
        {
            await js.InvokeVoidAsync("shipinator.log.detach", _box);
        }
        catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException or JSException)
        {
            // The browser is gone, and the event handlers with it.
        }

        _viewer.Dispose();
    }
}
