using System.Net;

namespace Shipinator.Silo.Configuration;

/// <summary>Determines which settings make ports of the server reachable from other machines, including those of Orleans.</summary>
public static class Reach
{
    /// <summary>The settings that open a port beyond loopback, as <c>KEY (value)</c>; empty when there are none.</summary>
    public static IReadOnlyList<string> BeyondLoopback(ShipinatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var settings = new List<string>();
        if (!IsLoopback(options.Listen))
        {
            settings.Add($"{SettingKey.Of(options.Listen)} ({options.Listen})");
        }

        if (HasReachableSiloPorts(options))
        {
            settings.Add($"{SettingKey.Of(options.Orleans.AdvertisedAddress)} ({options.Orleans.AdvertisedAddress})");
            if (options.Orleans.GatewayPort != 0)
            {
                settings.Add(FormattableString.Invariant($"{SettingKey.Of(options.Orleans.GatewayPort)} ({options.Orleans.GatewayPort})"));
            }
        }

        return settings;
    }

    /// <summary>Whether the ports of Orleans are open beyond loopback. Without a cluster there are none.</summary>
    public static bool HasReachableSiloPorts(ShipinatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Clustering == ClusteringKind.AdoNet && !IsLoopback(options.Orleans.AdvertisedAddress);
    }

    /// <summary>An invalid address, which the validator reports, does not count as loopback.</summary>
    private static bool IsLoopback(string address) => IPAddress.TryParse(address, out var parsed) && IPAddress.IsLoopback(parsed);
}
