using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend;

/// <summary>
/// Removes what uploads left that never came to an end: at the start, and then every few hours. Only what is a day old, and only what
/// is of an execution that this server's database knows: files of another database are not ours.
/// </summary>
public sealed partial class ArtifactSweep(
    IArtifactStores stores,
    ArtifactMetadataStore metadata,
    TimeProvider time,
    ILogger<ArtifactSweep> logger
) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(6);

    /// <summary>No upload takes as long.</summary>
    private static readonly TimeSpan SafeAge = TimeSpan.FromDays(1);

    /// <summary>Sweeps every store once. Returns how many leftovers were removed.</summary>
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
                // The database or the disk is away: the next time will do.
                NotSwept(e);
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

    [LoggerMessage(3301, LogLevel.Information, "{Count} leftovers of uploads that broke off were removed")]
    private partial void Swept(int count);

    [LoggerMessage(3302, LogLevel.Warning, "Leftovers of uploads could not be looked for; the next try is in some hours")]
    private partial void NotSwept(Exception exception);
}
