using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Shipinator.Grains.Coordination;

/// <summary>
/// Activates the grain of everything that is not terminal or not settled, the inboxes of webhook deliveries and the senders of commit
/// statuses that are due, and the grain of the schedules: when a silo starts, when one leaves the cluster, and once a minute. Work that a
/// crash interrupted is found by its row.
/// </summary>
[GrainType("shipinator.recovery"), Reentrant]
public sealed partial class RecoveryGrain(
    IUnfinishedWork work,
    IWaitingDeliveries deliveries,
    ICommitStatusSender statuses,
    ILogger<RecoveryGrain> logger
) : Grain, IRecoveryGrain, IRemindable
{
    private const string ReminderName = "recovery";
    private const int AtOnce = 64;
    private static readonly TimeSpan SweepRetry = TimeSpan.FromSeconds(5);
    private IGrainTimer? _timer;
    private bool _reminded;
    private bool _sweeping;
    private bool _isRequested;
    private bool _failing;

    /// <inheritdoc/>
    public async Task Sweep(CancellationToken cancellationToken = default)
    {
        if (!_reminded)
        {
            await this.RegisterOrUpdateReminder(ReminderName, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), cancellationToken);
            _reminded = true;
        }

        RequestSweep();
        await WakeSchedulesAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        RequestSweep();
        await WakeSchedulesAsync(CancellationToken.None);
    }

    /// <summary>The next reminder repeats it.</summary>
    private async Task WakeSchedulesAsync(CancellationToken cancellationToken)
    {
        try
        {
            await GrainFactory.GetGrain<IScheduleGrain>(0).Wake(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            WakeFailed(e);
        }
    }

    /// <summary>Runs one sweep at a time; a request during a sweep starts another one after it. Calls never wait for a sweep.</summary>
    private void RequestSweep()
    {
        if (_sweeping)
        {
            _isRequested = true;
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
                _isRequested = false;
                await SweepOnceAsync(cancellationToken);
            } while (_isRequested);
            if (_failing)
            {
                _failing = false;
                SweepRecovered();
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Most likely the database is unavailable: retry soon, but log only once.
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
        await WakeAllAsync(
            "inbox",
            await deliveries.Due(cancellationToken),
            repository => GrainFactory.GetGrain<IRepositoryInboxGrain>(repository.Value).Received(),
            cancellationToken
        );
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
        await WakeAllAsync(
            "sender of commit statuses",
            await statuses.Due(cancellationToken),
            repository => GrainFactory.GetGrain<IStatusSenderGrain>(repository.Value).Wake(cancellationToken),
            cancellationToken
        );
    }

    /// <summary>Wakes a grain of each of the repositories; one that fails does not hold back the others.</summary>
    private async Task WakeAllAsync(
        string grain,
        IReadOnlyCollection<RepositoryId> repositories,
        Func<RepositoryId, Task> wake,
        CancellationToken cancellationToken
    )
    {
        foreach (var batch in repositories.Chunk(AtOnce))
        {
            await Task.WhenAll(batch.Select(WakeAsync));
        }

        async Task WakeAsync(RepositoryId repository)
        {
            try
            {
                await wake(repository);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                WakeOneFailed(e, grain, repository);
            }
        }
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

    [LoggerMessage(1301, LogLevel.Debug, "Recovery touched {Count} runs, jobs and executions that are not terminal or not settled")]
    private partial void Swept(int count);

    [LoggerMessage(1302, LogLevel.Warning, "Recovery could not read the unfinished work; retrying every few seconds")]
    private partial void SweepFailed(Exception exception);

    [LoggerMessage(1304, LogLevel.Information, "Recovery can read the unfinished work again")]
    private partial void SweepRecovered();

    [LoggerMessage(1305, LogLevel.Warning, "Recovery could not wake the schedules; retrying in a minute")]
    private partial void WakeFailed(Exception exception);

    [LoggerMessage(1306, LogLevel.Warning, "Recovery could not wake the {Grain} of repository {Repository}")]
    private partial void WakeOneFailed(Exception exception, string grain, RepositoryId repository);

    [LoggerMessage(1303, LogLevel.Warning, "Recovery could not touch {Machine} {Id}")]
    private partial void TouchFailed(Exception exception, string machine, Guid id);
}
