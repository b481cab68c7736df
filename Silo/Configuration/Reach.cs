using System.Globalization;
using System.Net;

namespace Shipinator.Silo.Configuration;

/// <summary>From where the server's ports can be reached: every one counts, not HTTP alone.</summary>
public static class Reach
{
    /// <summary>The settings by which a port is open beyond this machine, as <c>Shipinator:Key (value)</c>; empty when none is.</summary>
    public static IReadOnlyList<string> BeyondLoopback(ShipinatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var settings = new List<string>();
        if (!IsLoopback(options.Listen))
        {
            settings.Add($"{ShipinatorOptions.Section}:{nameof(options.Listen)} ({options.Listen})");
        }

        if (OfSilos(options))
        {
            settings.Add(
                $"{ShipinatorOptions.Section}:Orleans:{nameof(options.Orleans.AdvertisedAddress)} ({options.Orleans.AdvertisedAddress})"
            );
            if (options.Orleans.GatewayPort != 0)
            {
                settings.Add(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{ShipinatorOptions.Section}:Orleans:{nameof(options.Orleans.GatewayPort)} ({options.Orleans.GatewayPort})"
                    )
                );
            }
        }

        return settings;
    }

    /// <summary>Whether the ports of Orleans are open beyond this machine. Without a cluster there are none.</summary>
    public static bool OfSilos(ShipinatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Clustering == ClusteringKind.AdoNet && !IsLoopback(options.Orleans.AdvertisedAddress);
    }

    /// <summary>What is no address is told elsewhere; here it counts as the worst.</summary>
    private static bool IsLoopback(string address) => IPAddress.TryParse(address, out var parsed) && IPAddress.IsLoopback(parsed);
}
