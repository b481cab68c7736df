using Microsoft.AspNetCore.Components.Web.Virtualization;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>This part: the store.</summary>
public sealed partial class LogViewer
{
    private Exception? _trouble;

    private async ValueTask<ItemsProviderResult<LogLine>> ProvideAsync(ItemsProviderRequest request)
    {
        var count = Math.Min(request.Count, Reach - request.StartIndex);
        return new(count <= 0 ? [] : await ReadAsync(_first + request.StartIndex, count, request.CancellationToken), Reach);
    }

    /// <summary>A store that can't be read is told of above the lines, and is no reason to lose the page.</summary>
    private async Task<IReadOnlyList<LogLine>> ReadAsync(int first, int count, CancellationToken cancellationToken) =>
        await TryAsync(index => index.ReadAsync(first, count, cancellationToken)) ?? [];

    private async Task<T?> TryAsync<T>(Func<LogIndex, Task<T>> read)
        where T : class
    {
        try
        {
            var answer = View is null ? null : await read(View.Index);
            Tell(null);
            return answer;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Tell(e);
            return null;
        }
    }

    private void Tell(Exception? trouble)
    {
        if (_trouble != trouble)
        {
            _trouble = trouble;
            StateHasChanged();
        }
    }
}
