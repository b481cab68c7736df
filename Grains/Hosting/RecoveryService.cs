using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Hosting;

/// <summary>Wakes the recovery when this silo is up, and whenever the set of active silos changes.</summary>
public sealed partial class RecoveryService(
    IGrainFactory grains, IClusterMembershipService membership, TimeProvider time, ILogger<RecoveryService> logger) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var before = ImmutableHashSet<SiloAddress>.Empty;
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(stoppingToken))
        {
            var active = snapshot.Members.Values.Where(m => m.Status == SiloStatus.Active).Select(m => m.SiloAddress).ToImmutableHashSet();
            if (active.IsEmpty || active.SetEquals(before))
            {
                continue;
            }

            before = active;
            await WakeAsync(stoppingToken);
        }
    }

    private async Task WakeAsync(CancellationToken stoppingToken)
    {
        for (var tries = 0; tries < 10; tries++)
        {
            try
            {
                await grains.GetGrain<IRecoveryGrain>(0).Wake(stoppingToken);
                return;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The silo that held the grain may be the one that just died: the cluster needs a moment.
                WakeFailed(e);
                await Task.Delay(RetryDelay, time, stoppingToken);
            }
        }
    }

    [LoggerMessage(1401, LogLevel.Information, "The recovery could not be woken yet")]
    private partial void WakeFailed(Exception exception);
}
