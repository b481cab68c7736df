using System.Net;
using Shipinator.Forges;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;

namespace Shipinator.Silo.Hosting;

/// <summary>What the mode of the server means for the places that it may clone from, where the operator has not said otherwise.</summary>
internal static class GitDefaults
{
    /// <summary>Loopback and private networks: what a person's own server on a person's own machine may reach.</summary>
    private static readonly string[] OwnNetworks =
    [
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
    ];

    /// <summary>Puts the settings into the forges' options.</summary>
    public static void Apply(ForgeOptions forge, ShipinatorOptions options, DataFolder folder)
    {
        var isStandalone = options.Clustering == ClusteringKind.Localhost;
        var given = options.Git;
        forge.CacheRoot = given.CacheRoot.Length > 0 ? given.CacheRoot : Path.Combine(folder.Path, "git");
        forge.MaxFileBytes = given.MaxFileBytes;
        forge.AllowLocalPaths = given.AllowLocalPaths ?? isStandalone;
        forge.OnlyAllowedHosts = given.OnlyAllowedHosts;
        forge.IdleTimeout = given.IdleTimeout;
        forge.FetchTimeout = given.FetchTimeout;
        forge.WaitTimeout = given.WaitTimeout;
        forge.FetchesPerHost = given.FetchesPerHost;
        forge.Fetches = given.Fetches;
        // Whoever has said which hosts are allowed means those; a server that others can reach allows none by itself.
        forge.AllowedHosts =
            given.AllowedHosts.Count > 0 || !isStandalone || !IPAddress.IsLoopback(IPAddress.Parse(options.Listen))
                ? [.. given.AllowedHosts]
                : [.. OwnNetworks];
    }
}
