namespace Shipinator.Silo.Clustering;

/// <summary>
/// Detects that this process was frozen (SIGSTOP, a suspended machine, swapping). Other silos may have declared it dead meanwhile, so it
/// reads the membership table immediately and terminates if it is dead.
/// </summary>
public sealed partial class FreezeWatch(IClusterMembershipService membership, TimeProvider time, ILogger<FreezeWatch> logger)
    : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    /// <summary>Shorter than the time in which a silo is declared dead, and longer than delays on a busy machine.</summary>
    private static readonly TimeSpan Threshold = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var before = time.GetUtcNow();
            await Task.Delay(Period, time, stoppingToken);
            var frozen = time.GetUtcNow() - before - Period;
            if (frozen > Threshold)
            {
                ProcessWasFrozen(frozen.TotalSeconds);
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
            // The database is unavailable, too. The silo reads the table periodically anyway.
            RefreshFailed(e);
        }
    }

    [LoggerMessage(
        6004,
        LogLevel.Warning,
        "The process was frozen for {Seconds:0.0} s; checking whether this silo is still a member of the cluster"
    )]
    private partial void ProcessWasFrozen(double seconds);

    [LoggerMessage(6005, LogLevel.Warning, "Failed to read the membership table")]
    private partial void RefreshFailed(Exception exception);
}
