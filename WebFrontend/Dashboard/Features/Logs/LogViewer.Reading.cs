using Microsoft.AspNetCore.Components.Web.Virtualization;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <content>Reading from the store.</content>
public sealed partial class LogViewer
{
    private Exception? _readError;

    private async ValueTask<ItemsProviderResult<LogLine>> ProvideAsync(ItemsProviderRequest request)
    {
        var count = Math.Min(request.Count, ReachableLines - request.StartIndex);
        return new(count <= 0 ? [] : await ReadAsync(_first + request.StartIndex, count, request.CancellationToken), ReachableLines);
    }

    /// <summary>An error of the store is shown above the lines; the page stays usable.</summary>
    private async Task<IReadOnlyList<LogLine>> ReadAsync(int first, int count, CancellationToken cancellationToken) =>
        await TryAsync(index => index.ReadAsync(first, count, cancellationToken)) ?? [];

    private async Task<T?> TryAsync<T>(Func<LogIndex, Task<T>> read)
        where T : class
    {
        try
        {
            var result = View is null ? null : await read(View.Index);
            ShowError(null);
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            ShowError(e);
            return null;
        }
    }

    private void ShowError(Exception? error)
    {
        if (_readError != error)
        {
            _readError = error;
            StateHasChanged();
        }
    }
}
