namespace Shipinator.Silo.Clustering;

/// <summary>
/// Notices that this process stood still (SIGSTOP, a suspended machine, memory that was swapped out): the others may have
/// declared it dead meanwhile, so it reads the membership table at once, and ends if that says so.
/// </summary>
public sealed partial class FreezeWatch(IClusterMembershipService membership, TimeProvider time, ILogger<FreezeWatch> logger)
    : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    /// <summary>Shorter than any silo is declared dead within; longer than a busy machine is late.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var before = time.GetUtcNow();
            await Task.Delay(Period, time, stoppingToken);
            var stood = time.GetUtcNow() - before - Period;
            if (stood > Late)
            {
                StoodStill(stood.TotalSeconds);
                await RefreshAsync(stoppingToken);
            }
        }
    }

    private async Task RefreshAsync(CancellationToken stoppingToken)
    {
        try
        {
            await membership.Refresh(default, stoppingToken);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // The database is away, too: the silo reads the table by itself within seconds.
            RefreshFailed(e);
        }
    }

    [LoggerMessage(
        1504,
        LogLevel.Warning,
        "This server stood still for {Seconds:0.0} s: it asks whether the others still take it for alive"
    )]
    private partial void StoodStill(double seconds);

    [LoggerMessage(1505, LogLevel.Information, "The table of the cluster's members could not be read")]
    private partial void RefreshFailed(Exception exception);
}
