using Orleans.Configuration;

namespace Shipinator.Silo.Clustering;

/// <summary>How soon silos notice that one of them is gone; docs/operations.md tells the operator.</summary>
public static class Liveness
{
    /// <summary>
    /// How long after it stopped answering a hung silo is declared dead, at most, but for the write of that to the database: it may
    /// stop just after a probe, so that up to a period goes by before the first of three that it misses.
    /// </summary>
    public static TimeSpan HungWithin(ClusterMembershipOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.MaxProbeTimeout * (options.NumMissedProbesLimit + 1);
    }

    /// <summary>How long a silo that was killed, with all others and without a successor at its address, keeps a new one from joining.</summary>
    public static TimeSpan ForgottenWithin(ClusterMembershipOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.IAmAliveTablePublishTimeout * options.NumMissedTableIAmAliveLimit;
    }

    /// <summary>With Orleans' defaults a hung silo would be missed for a minute, and a dead cluster would stay away for a minute and a half.</summary>
    public static void Apply(ClusterMembershipOptions options, TimeSpan probeTimeout)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ProbeTimeout = probeTimeout;
        options.MinProbeTimeout = probeTimeout / 2;
        options.MaxProbeTimeout = probeTimeout * 1.25;
        // How long a silo that did not hear of its own death may go on at most.
        options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        options.NumMissedTableIAmAliveLimit = 3;
    }
}
