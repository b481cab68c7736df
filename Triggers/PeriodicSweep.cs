using Microsoft.Extensions.Hosting;

namespace Shipinator.Triggers;

/// <summary>Sweeps at the server's start, and then once in each period.</summary>
public abstract class PeriodicSweep(TimeSpan period, TimeProvider time) : BackgroundService
{
    /// <summary>Sweeps once. Errors: none; a failure is logged, and the next sweep tries again.</summary>
    public abstract Task SweepAsync(CancellationToken cancellationToken);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(period, time);
        try
        {
            do
            {
                await SweepAsync(stoppingToken);
            } while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server is stopping.
        }
    }
}
