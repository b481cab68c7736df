using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors;

/// <summary>
/// Finds workers that nobody needs any more, because their release was lost or came before they did, by asking the job that each was
/// made for. Age says nothing, and an owner that does not answer is not asked to hurry.
/// </summary>
public sealed partial class WorkerSweep(
    IEnumerable<IWorkerExecutor> executors,
    IWorkerOwnership owners,
    TimeProvider time,
    ILogger<WorkerSweep> logger
) : BackgroundService
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "Shipinator.Executors";

    /// <summary>The name of the counter: orphans that were taken away, by <c>executor</c>.</summary>
    public const string OrphansName = "shipinator.executor.orphans";
    private static readonly Meter Meter = new(MeterName);
    private static readonly Counter<long> Orphans = Meter.CreateCounter<long>(
        OrphansName,
        "{worker}",
        "Workers that nobody needed and that were taken away."
    );
    private readonly ConcurrentDictionary<string, bool> _foreign = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(executors.OfType<IWorkerInventory>().Select(e => WatchAsync(e, stoppingToken)));

    private async Task WatchAsync(IWorkerInventory executor, CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(executor.SweepPeriod, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await executor.Tidy(stoppingToken);
                foreach (var worker in executor.FindWorkers())
                {
                    await LookAtAsync(executor, worker, stoppingToken);
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // Whatever it is: a sweep that ended for good would end the server, and leave every later orphan.
                Failed(e, executor.Type);
            }
        }
    }

    private async Task LookAtAsync(IWorkerInventory executor, FoundWorker worker, CancellationToken stoppingToken)
    {
        try
        {
            var need = await owners.Ask(worker.Job, worker.Attempt, stoppingToken);
            if (need == WorkerNeed.Unknown && worker.MayBeForeign)
            {
                if (_foreign.TryAdd(worker.Where, true))
                {
                    Foreign(worker.Where);
                }
            }
            else if (need != WorkerNeed.Needed)
            {
                await executor.Release(worker.Job, worker.Attempt, stoppingToken);
                Orphans.Add(1, new KeyValuePair<string, object?>("executor", executor.Type));
                Found(worker.Where);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            // Not known: it stays, and is asked for again.
            Unanswered(worker.Where, e.Message);
        }
    }

    [LoggerMessage(2102, LogLevel.Warning, "{Worker} is needed by nobody and was taken away")]
    private partial void Found(string worker);

    [LoggerMessage(2103, LogLevel.Information, "Whether {Worker} is needed is not known now: {Message}")]
    private partial void Unanswered(string worker, string message);

    [LoggerMessage(
        2105,
        LogLevel.Warning,
        "The workers of executor {Executor} could not be looked through; this is tried again in the next period"
    )]
    private partial void Failed(Exception exception, string executor);

    [LoggerMessage(
        2104,
        LogLevel.Warning,
        "{Worker} was made for a job that is not known here, perhaps by another Shipinator: it stays. Two installations that share a namespace need an InstanceId each"
    )]
    private partial void Foreign(string worker);
}
