using Shipinator.Client;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Lists as the API shows them.</summary>
internal static class PageResponses
{
    public static PageResponse<TResponse> Page<TRow, TResponse>(Page<TRow> page, Func<TRow, TResponse> map) =>
        new() { Items = [.. page.Items.Select(map)], NextCursor = page.NextCursor };

    public static PageResponse<TResponse> All<TRow, TResponse>(IEnumerable<TRow> rows, Func<TRow, TResponse> map) =>
        new() { Items = [.. rows.Select(map)] };
}
