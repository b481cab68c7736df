using Microsoft.Extensions.Logging;

namespace Shipinator.Triggers.Schedules;

/// <summary>Tells the schedules' grain that due times have changed.</summary>
public sealed partial class ScheduleWaking(IGrainFactory grains, ILogger<ScheduleWaking> logger)
{
    /// <summary>A hint: the grain looks by itself every few seconds. Errors: none.</summary>
    internal async Task WakeAsync()
    {
        try
        {
            await grains.GetGrain<IScheduleGrain>(0).Wake();
        }
        catch (Exception e) when (e is OrleansException or TimeoutException or ShipinatorException or InvalidOperationException)
        {
            WakeFailed(e.Message);
        }
    }

    [LoggerMessage(4552, LogLevel.Debug, "The hint that schedules have changed was not sent: {Message}")]
    private partial void WakeFailed(string message);
}
