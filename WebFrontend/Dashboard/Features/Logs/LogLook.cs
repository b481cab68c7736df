namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>
/// What an address says of the way logs are shown. Only pages read their address: a component that did would be made while the
/// framework tells those that do of a change, which breaks it.
/// </summary>
public sealed record LogLook(int? Line = null, string? Find = null, bool IsWrapped = false, bool HasTimes = false)
{
    /// <summary>How an address says yes.</summary>
    public const string Yes = "1";
}
