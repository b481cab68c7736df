using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Shipinator.Grains.Coordination;

/// <summary>
/// Touches the grain of everything that is not terminal or not settled: when a silo starts, when one is gone, and once a minute.
/// Whatever was forgotten by a crash is found by its row.
/// </summary>
[GrainType("shipinator.recovery"), Reentrant]
public sealed partial class RecoveryGrain(IUnfinishedWork work, ILogger<RecoveryGrain> logger) : Grain, IRecoveryGrain, IRemindable
{
    private const string ReminderName = "recovery";
    private const int AtOnce = 64;
    private static readonly TimeSpan SweepRetry = TimeSpan.FromSeconds(5);
    private IGrainTimer? _timer;
    private bool _reminded;
    private bool _sweeping;
    private bool _again;
    private bool _failing;

    /// <inheritdoc/>
    public async Task Wake(CancellationToken cancellationToken = default)
    {
        if (!_reminded)
        {
            await this.RegisterOrUpdateReminder(ReminderName, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), cancellationToken);
            _reminded = true;
        }

        Begin();
    }

    /// <inheritdoc/>
    public Task ReceiveReminder(string reminderName, TickStatus status)
    {
        Begin();
        return Task.CompletedTask;
    }

    /// <summary>One sweep at a time; a wish that comes during one is another one after it. A call never waits for a sweep.</summary>
    private void Begin()
    {
        if (_sweeping)
        {
            _again = true;
            return;
        }

        _sweeping = true;
        Schedule(TimeSpan.Zero);
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            do
            {
                _again = false;
                await SweepOnceAsync(cancellationToken);
            } while (_again);
            if (_failing)
            {
                _failing = false;
                SweepsAgain();
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // The database is away, most likely: it is tried again soon, and said once.
            if (!_failing)
            {
                _failing = true;
                SweepFailed(e);
            }

            Schedule(SweepRetry);
            return;
        }

        _sweeping = false;
    }

    private async Task SweepOnceAsync(CancellationToken cancellationToken)
    {
        var count = 0;
        var touches = new List<Task>(AtOnce);
        await foreach (var item in work.List(WorkStates.Driven, cancellationToken))
        {
            touches.Add(TouchAsync(item, cancellationToken));
            count++;
            if (touches.Count == AtOnce)
            {
                await Task.WhenAll(touches);
                touches.Clear();
            }
        }

        await Task.WhenAll(touches);
        Swept(count);
    }

    private void Schedule(TimeSpan due)
    {
        _timer?.Dispose();
        _timer = this.RegisterGrainTimer(
            SweepAsync,
            new GrainTimerCreationOptions
            {
                DueTime = due,
                Period = Timeout.InfiniteTimeSpan,
                Interleave = true,
                KeepAlive = true,
            }
        );
    }

    private async Task TouchAsync(UnfinishedItem item, CancellationToken cancellationToken)
    {
        try
        {
            await (
                item.Machine switch
                {
                    Machine.Run => GrainFactory.GetGrain<IPipelineRunGrain>(item.Id).Touch(cancellationToken),
                    Machine.Job => GrainFactory.GetGrain<IJobGrain>(item.Id).Touch(cancellationToken),
                    Machine.Execution => GrainFactory.GetGrain<IExecutionGrain>(item.Id).Touch(cancellationToken),
                    _ => Task.CompletedTask,
                }
            );
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            TouchFailed(e, item.Machine.Word(), item.Id);
        }
    }

    [LoggerMessage(1301, LogLevel.Debug, "Recovery touched {Count} items that were not finished or not settled")]
    private partial void Swept(int count);

    [LoggerMessage(1302, LogLevel.Warning, "Recovery could not look for unfinished work; it will try again every few seconds")]
    private partial void SweepFailed(Exception exception);

    [LoggerMessage(1304, LogLevel.Information, "Recovery looks for unfinished work again")]
    private partial void SweepsAgain();

    [LoggerMessage(1303, LogLevel.Warning, "Recovery could not touch {Machine} {Id}")]
    private partial void TouchFailed(Exception exception, string machine, Guid id);
}
