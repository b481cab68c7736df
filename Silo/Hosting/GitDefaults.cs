using System.Net;
using Shipinator.Forges;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;

namespace Shipinator.Silo.Hosting;

/// <summary>Applies the Git settings, with defaults that depend on the mode of the server.</summary>
internal static class GitDefaults
{
    /// <summary>Loopback and private networks, which a standalone server on loopback may access by default.</summary>
    private static readonly string[] PrivateNetworks =
    [
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
    ];

    /// <summary>Applies the settings to the options of the forges.</summary>
    public static void Apply(ForgeOptions forge, ShipinatorOptions options, DataFolder folder)
    {
        var isStandalone = options.Clustering == ClusteringKind.Localhost;
        var settings = options.Git;
        forge.CacheRoot = settings.CacheRoot.Length > 0 ? settings.CacheRoot : Path.Combine(folder.Path, "git");
        forge.MaxFileBytes = settings.MaxFileBytes;
        forge.AllowLocalPaths = settings.AllowLocalPaths ?? isStandalone;
        forge.OnlyAllowedHosts = settings.OnlyAllowedHosts;
        forge.IdleTimeout = settings.IdleTimeout;
        forge.FetchTimeout = settings.FetchTimeout;
        forge.WaitTimeout = settings.WaitTimeout;
        forge.FetchesPerHost = settings.FetchesPerHost;
        forge.Fetches = settings.Fetches;
        // Configured hosts replace the default; a server that other machines can reach allows none by default.
        forge.AllowedHosts =
            settings.AllowedHosts.Count > 0 || !isStandalone || !IPAddress.IsLoopback(IPAddress.Parse(options.Listen))
                ? [.. settings.AllowedHosts]
                : [.. PrivateNetworks];
    }
}
