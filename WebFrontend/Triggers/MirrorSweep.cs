using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Triggers;

/// <summary>Removes the mirrors of repositories that are gone: deleted on another silo, or left by a check that a crash cut off.</summary>
public sealed partial class MirrorSweep(
    IRepositoryMirrors mirrors,
    RepositoryStore repositories,
    TimeProvider time,
    ILogger<MirrorSweep> logger
) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    /// <summary>Longer than any check takes.</summary>
    private static readonly TimeSpan Age = TimeSpan.FromHours(1);

    /// <summary>Once. Errors: none; what fails is logged and tried again later.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var id in mirrors.Unused(Age))
            {
                if (await repositories.GetAsync(id, cancellationToken) is null)
                {
                    await mirrors.Forget(id, cancellationToken);
                }
            }
        }
        catch (Exception e) when (e is ShipinatorException or IOException or UnauthorizedAccessException)
        {
            Failed(e);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            do
            {
                await SweepAsync(stoppingToken);
            } while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    [LoggerMessage(3101, LogLevel.Warning, "Mirrors of repositories that are gone could not be removed; it is tried again in an hour")]
    private partial void Failed(Exception exception);
}
