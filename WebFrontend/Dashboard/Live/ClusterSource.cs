using System.Runtime.CompilerServices;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A silo with its status. The statistics are null while the silo is not active.</summary>
public sealed record SiloDetail(string Address, string Host, string Status, DateTimeOffset Since, SiloRuntimeStatistics? Statistics);

/// <summary>The silos, and the activations of Shipinator's grains on each.</summary>
public sealed record ClusterSnapshot(IReadOnlyList<SiloDetail> Silos, IReadOnlyList<SimpleGrainStatistic> Grains);

/// <summary>Reads the state of the cluster for the admin page.</summary>
public sealed class ClusterSource(IGrainFactory grains) : IViewSource<bool, ClusterSnapshot>
{
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public async Task<ClusterSnapshot> ReadAsync(bool key, ClusterSnapshot? previous, CancellationToken cancellationToken)
    {
        var management = grains.GetGrain<IManagementGrain>(0);
        var hosts = (await management.GetDetailedHosts(onlyActive: false, cancellationToken))
            .Where(h => h.Status != SiloStatus.Dead)
            .ToArray();
        var active = hosts.Where(h => h.Status == SiloStatus.Active).Select(h => h.SiloAddress).ToArray();
        var statistics = await management.GetRuntimeStatistics(active, cancellationToken);
        return new(
            [
                .. hosts
                    .OrderBy(h => h.SiloAddress.ToString(), StringComparer.Ordinal)
                    .Select(h => new SiloDetail(
                        h.SiloAddress.Endpoint.ToString(),
                        h.HostName,
                        h.Status.ToString(),
                        new(DateTime.SpecifyKind(h.StartTime, DateTimeKind.Utc)),
                        Array.IndexOf(active, h.SiloAddress) is var at and >= 0 ? statistics[at] : null
                    )),
            ],
            [
                .. (await management.GetSimpleGrainStatistics(active, cancellationToken)).Where(g =>
                    g.GrainType.Contains("Shipinator", StringComparison.Ordinal)
                ),
            ]
        );
    }

    /// <summary>There are no change notifications for these numbers: they are polled, once for all viewers.</summary>
    public async IAsyncEnumerable<bool> ChangesAsync(bool key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        yield return true;
    }

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(ClusterSnapshot view) => Refresh;
}
