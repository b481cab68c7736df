namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>
/// How the address of the page wants logs to be shown. Only pages read query parameters: a component that did could be created while
/// Blazor notifies the subscribers of a change, which fails.
/// </summary>
public sealed record LogViewOptions(int? Line = null, string? Find = null, bool IsWrapped = false, bool HasTimes = false)
{
    /// <summary>The value of a query parameter that turns an option on.</summary>
    public const string On = "1";
}
