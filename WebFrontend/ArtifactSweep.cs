using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend;

/// <summary>
/// Removes the remains of interrupted uploads, at the start and every six hours: only what is older than a day and belongs to an execution
/// in this server's database, since several databases may share a store.
/// </summary>
public sealed partial class ArtifactSweep(
    IArtifactStores stores,
    ArtifactMetadataStore metadata,
    TimeProvider time,
    ILogger<ArtifactSweep> logger
) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(6);

    /// <summary>Must be longer than any upload takes.</summary>
    private static readonly TimeSpan SafeAge = TimeSpan.FromDays(1);

    /// <summary>Sweeps every store once. Returns how many uploads were removed.</summary>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var removed = 0;
        foreach (var store in stores.All)
        {
            removed += await store.Sweep(time.GetUtcNow() - SafeAge, metadata.OrphansAsync, cancellationToken);
        }

        return removed;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            try
            {
                if (await SweepAsync(stoppingToken) is var removed and > 0)
                {
                    Swept(removed);
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The database or the store is unavailable; the next sweep tries again.
                SweepFailed(e);
            }
        } while (!stoppingToken.IsCancellationRequested && await NextAsync(timer, stoppingToken));
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stoppingToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    [LoggerMessage(4201, LogLevel.Information, "Removed the remains of {Count} interrupted uploads")]
    private partial void Swept(int count);

    [LoggerMessage(4202, LogLevel.Warning, "Failed to remove the remains of interrupted uploads; retrying in six hours")]
    private partial void SweepFailed(Exception exception);
}
