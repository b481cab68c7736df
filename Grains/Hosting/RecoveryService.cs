using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Hosting;

/// <summary>Wakes the recovery when this silo is up, and whenever the set of active silos changes: until it succeeds.</summary>
public sealed partial class RecoveryService(
    IGrainFactory grains,
    IClusterMembershipService membership,
    TimeProvider time,
    ILogger<RecoveryService> logger
) : BackgroundService
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private readonly Channel<bool> _wishes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(ForEverAsync(WatchAsync, stoppingToken), ForEverAsync(WakeAsync, stoppingToken));

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        var before = ImmutableHashSet<SiloAddress>.Empty;
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(stoppingToken))
        {
            var active = snapshot.Members.Values.Where(m => m.Status == SiloStatus.Active).Select(m => m.SiloAddress).ToImmutableHashSet();
            if (!active.IsEmpty && !active.SetEquals(before))
            {
                before = active;
                _wishes.Writer.TryWrite(true);
            }
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, time, stoppingToken);
    }

    private async Task WakeAsync(CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        var isFailing = false;
        while (await _wishes.Reader.WaitToReadAsync(stoppingToken))
        {
            // What is wished for from now on is another one.
            _wishes.Reader.TryRead(out _);
            try
            {
                await grains.GetGrain<IRecoveryGrain>(0).Wake(stoppingToken);
                if (isFailing)
                {
                    Woken();
                }

                (pause, isFailing) = (FirstPause, false);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The silo that held the grain may be the one that just died, or the database is away.
                if (!isFailing)
                {
                    WakeFailed(e);
                    isFailing = true;
                }

                await Task.Delay(pause, time, stoppingToken);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
                _wishes.Writer.TryWrite(true);
            }
        }
    }

    /// <summary>A loop of this service ends with the host alone: an error that nobody foresaw must neither end it nor the host.</summary>
    private async Task ForEverAsync(Func<CancellationToken, Task> loop, CancellationToken stoppingToken)
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
                Unforeseen(e);
                await Task.Delay(LongestPause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(1401, LogLevel.Warning, "The recovery could not be woken; it will be tried until it can")]
    private partial void WakeFailed(Exception exception);

    [LoggerMessage(1402, LogLevel.Information, "The recovery is awake again")]
    private partial void Woken();

    [LoggerMessage(1403, LogLevel.Error, "The recovery service failed unexpectedly and goes on")]
    private partial void Unforeseen(Exception exception);
}
