using Shipinator.Silo.Configuration;
using Shipinator.WebFrontend.Security;

namespace Shipinator.Silo.Standalone;

/// <summary>The first tokens of an installation.</summary>
public static class AccessTokens
{
    /// <summary>
    /// Makes the operator's token known, if one is set. Standalone: the token of this machine's user, kept in
    /// <c>server.json</c>, made anew when it was lost or revoked; null in a cluster.
    /// </summary>
    public static async Task<string?> EnsureAsync(IServiceProvider services, ShipinatorOptions options, DataFolder folder, bool standalone)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(folder);
        if (options.BootstrapToken is { } given)
        {
            await BootstrapTokens.AdoptAsync(services, "bootstrap", given);
        }

        if (!standalone)
        {
            return null;
        }

        if (folder.ReadServerFile()?.Token is { Length: > 0 } kept && await BootstrapTokens.IsValidAsync(services, kept))
        {
            return kept;
        }

        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        return await BootstrapTokens.CreateAsync(services, $"standalone {now:yyyy-MM-dd HH:mm:ss.fff}", Policies.Admin);
    }
}
