using Orleans.Configuration;

namespace Shipinator.Silo.Clustering;

/// <summary>The timing of failure detection between silos, documented in docs/operations.md.</summary>
public static class Liveness
{
    /// <summary>
    /// The maximum time until a hung silo is declared dead, without the write to the database. The silo may hang just after a probe, so
    /// that up to one period passes before the first of the three probes that it misses.
    /// </summary>
    public static TimeSpan DetectionTime(ClusterMembershipOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.MaxProbeTimeout * (options.NumMissedProbesLimit + 1);
    }

    /// <summary>
    /// How long the stale entries of killed silos delay a new silo, if all silos were killed and none restarts at its address.
    /// </summary>
    public static TimeSpan StaleEntryTime(ClusterMembershipOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.IAmAliveTablePublishTimeout * options.NumMissedTableIAmAliveLimit;
    }

    /// <summary>Sets shorter times than Orleans' defaults, with which detection takes a minute and a restart of all silos 90 s.</summary>
    public static void Apply(ClusterMembershipOptions options, TimeSpan probeTimeout)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ProbeTimeout = probeTimeout;
        options.MinProbeTimeout = probeTimeout / 2;
        options.MaxProbeTimeout = probeTimeout * 1.25;
        // The maximum time that a silo which was declared dead runs without noticing.
        options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        options.NumMissedTableIAmAliveLimit = 3;
    }
}
