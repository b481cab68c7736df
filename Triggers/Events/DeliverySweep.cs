using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Events;

/// <summary>Deletes old deliveries, once an hour.</summary>
public sealed partial class DeliverySweep(DeliveryStore deliveries, TimeProvider time, ILogger<DeliverySweep> logger) : BackgroundService
{
    private const int AtOnce = 5_000;
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                var removed = 0;
                int batch;
                do
                {
                    removed += batch = await deliveries.PruneAsync(AtOnce, stoppingToken);
                } while (batch >= AtOnce);
                if (removed > 0)
                {
                    Pruned(removed);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Failed(e);
            }
        }
    }

    [LoggerMessage(4548, LogLevel.Information, "Deleted {Count} old webhook deliveries")]
    private partial void Pruned(int count);

    [LoggerMessage(4549, LogLevel.Warning, "Old webhook deliveries could not be deleted; retrying in an hour")]
    private partial void Failed(Exception exception);
}
