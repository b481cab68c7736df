using Shipinator.Silo.Configuration;
using Shipinator.WebFrontend.Security;

namespace Shipinator.Silo.Standalone;

/// <summary>The first tokens of an installation.</summary>
public static class AccessTokens
{
    /// <summary>As whom this machine's user acts: the history shows it.</summary>
    private const string Name = "standalone";

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

        try
        {
            return await BootstrapTokens.CreateAsync(services, Name, Policies.Admin);
        }
        catch (ConflictException)
        {
            // The one before it was lost or revoked; names are never used twice.
            var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
            return await BootstrapTokens.CreateAsync(services, $"{Name} {now:yyyy-MM-dd HH:mm:ss.fff}", Policies.Admin);
        }
    }
}
