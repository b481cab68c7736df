using System.Globalization;

namespace Shipinator.Forges.Api;

/// <summary>How a forge divides lists into pages.</summary>
/// <param name="SizeName">The query's name for the size.</param>
/// <param name="Size">The size to ask for; the forge may give fewer items.</param>
/// <param name="AlwaysLinks">Whether a page that has a successor always has a <c>Link</c> to it.</param>
internal sealed record Paging(string SizeName, int Size, bool AlwaysLinks)
{
    /// <summary>The address of a page, from 1.</summary>
    public Uri Page(Uri list, int page) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{list.AbsoluteUri}?{SizeName}={Size}&page={page}"));

    /// <summary>Whether a page is the last one by its headers; false when they don't say.</summary>
    public bool IsLast(ApiResponse response) =>
        response.Header("Link") is { } link
            ? !link.Contains("rel=\"next\"", StringComparison.Ordinal)
            // One page only: there is no Link, but a total.
            : AlwaysLinks || response.Header("X-Total-Count") is not null;
}
