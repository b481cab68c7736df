using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Hosting;

/// <summary>
/// Triggers the recovery when this silo has started and whenever the set of active silos changes; retries until it succeeds.
/// </summary>
public sealed partial class RecoveryService(
    IGrainFactory grains,
    IClusterMembershipService membership,
    TimeProvider time,
    ILogger<RecoveryService> logger
) : BackgroundService
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private readonly Channel<bool> _requests = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(RepeatAsync(WatchAsync, stoppingToken), RepeatAsync(TriggerAsync, stoppingToken));

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        var before = ImmutableHashSet<SiloAddress>.Empty;
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(stoppingToken))
        {
            var active = snapshot.Members.Values.Where(m => m.Status == SiloStatus.Active).Select(m => m.SiloAddress).ToImmutableHashSet();
            if (!active.IsEmpty && !active.SetEquals(before))
            {
                before = active;
                _requests.Writer.TryWrite(true);
            }
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, time, stoppingToken);
    }

    private async Task TriggerAsync(CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        var isFailing = false;
        while (await _requests.Reader.WaitToReadAsync(stoppingToken))
        {
            // A request from here on triggers another recovery.
            _requests.Reader.TryRead(out _);
            try
            {
                await grains.GetGrain<IRecoveryGrain>(0).Sweep(stoppingToken);
                if (isFailing)
                {
                    Triggered();
                }

                (pause, isFailing) = (FirstPause, false);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The silo that held the grain may be the one that just died, or the database is unavailable.
                if (!isFailing)
                {
                    TriggerFailed(e);
                    isFailing = true;
                }

                await Task.Delay(pause, time, stoppingToken);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
                _requests.Writer.TryWrite(true);
            }
        }
    }

    /// <summary>A loop of this service runs until the host stops: an unexpected error must end neither the loop nor the host.</summary>
    private async Task RepeatAsync(Func<CancellationToken, Task> loop, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await loop(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                FailedUnexpectedly(e);
                await Task.Delay(LongestPause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(1401, LogLevel.Warning, "Recovery could not be started; retrying")]
    private partial void TriggerFailed(Exception exception);

    [LoggerMessage(1402, LogLevel.Information, "Recovery started after a failure")]
    private partial void Triggered();

    [LoggerMessage(1403, LogLevel.Error, "Recovery service failed unexpectedly; restarting it")]
    private partial void FailedUnexpectedly(Exception exception);
}
