using Shipinator.Silo.Configuration;
using Shipinator.WebFrontend.Security;

namespace Shipinator.Silo.Standalone;

/// <summary>Creates the first API tokens of an installation.</summary>
public static class AccessTokens
{
    /// <summary>The token's name, which the history shows as the actor.</summary>
    private const string Name = "standalone";

    /// <summary>
    /// Registers the bootstrap token if one is configured. Returns, in standalone mode, the token for this machine's user, which is stored
    /// in <c>server.json</c> and replaced if it was lost or revoked; null in a cluster.
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
            // The previous token was lost or revoked, and names are never reused.
            var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
            return await BootstrapTokens.CreateAsync(services, $"{Name} {now:yyyy-MM-dd HH:mm:ss.fff}", Policies.Admin);
        }
    }
}
