namespace Shipinator.Forges.Api;

/// <summary>
/// Finds what a credential may do without changing anything: a request that lacks what it needs is refused with 422 when the right is
/// there, because forges check rights first.
/// </summary>
internal static class RightProbe
{
    /// <summary>What a response says about a right.</summary>
    public static ForgeRight Of(string name, ApiResponse response, string missing, params ReadOnlySpan<int> granted) =>
        granted.Contains(response.Status) ? new(name, true, null)
        : response.Status is 401 or 403 or 404 ? new(name, false, missing)
        : new(name, null, FormattableString.Invariant($"The forge responded with HTTP status {response.Status}. {missing}"));

    /// <summary>Rights that can't be there because an earlier one is not.</summary>
    public static ForgeRight Missing(string name, string missing) => new(name, false, missing);
}
