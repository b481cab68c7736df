using System.Runtime.CompilerServices;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A silo and how it is. The statistics are null for one that can't be asked.</summary>
public sealed record SiloDetail(string Address, string Host, string Status, DateTimeOffset Since, SiloRuntimeStatistics? Statistics);

/// <summary>The silos, and which of our grains are active where.</summary>
public sealed record ClusterSnapshot(IReadOnlyList<SiloDetail> Silos, IReadOnlyList<SimpleGrainStatistic> Grains);

/// <summary>Reads the state of the cluster for screens of admins.</summary>
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

    /// <summary>Nothing tells of a change in these numbers: they are read every few seconds, once for all who look.</summary>
    public async IAsyncEnumerable<bool> ChangesAsync(bool key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        yield return true;
    }

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(ClusterSnapshot view) => Refresh;
}
