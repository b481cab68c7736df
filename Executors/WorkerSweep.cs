using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors;

/// <summary>
/// Finds and removes workers that are no longer needed, because their release was lost or came before they did, by asking the job that each
/// was created for. Age does not count, and a worker whose owner does not respond stays.
/// </summary>
public sealed partial class WorkerSweep(
    IEnumerable<IWorkerExecutor> executors,
    IWorkerOwnership owners,
    TimeProvider time,
    ILogger<WorkerSweep> logger
) : BackgroundService
{
    public const string MeterName = "Shipinator.Executors";

    /// <summary>The counter of removed orphans, by <c>executor</c>.</summary>
    public const string OrphansName = "shipinator.executor.orphans";
    private static readonly Meter Meter = new(MeterName);
    private static readonly Counter<long> Orphans = Meter.CreateCounter<long>(
        OrphansName,
        "{worker}",
        "Orphaned workers that were removed."
    );
    private readonly ConcurrentDictionary<string, bool> _foreign = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(executors.OfType<IWorkerInventory>().Select(e => SweepAsync(e, stoppingToken)));

    private async Task SweepAsync(IWorkerInventory executor, CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(executor.SweepPeriod, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await executor.Tidy(stoppingToken);
                foreach (var worker in executor.FindWorkers())
                {
                    await CheckAsync(executor, worker, stoppingToken);
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // Catch any error: an unhandled one would stop the server or all later sweeps.
                Failed(e, executor.Type);
            }
        }
    }

    private async Task CheckAsync(IWorkerInventory executor, FoundWorker worker, CancellationToken stoppingToken)
    {
        try
        {
            var need = await owners.Ask(worker.Job, worker.Attempt, stoppingToken);
            if (need == WorkerNeed.Unknown && worker.MayBeForeign)
            {
                if (_foreign.TryAdd(worker.Where, true))
                {
                    ForeignWorkerKept(worker.Where);
                }
            }
            else if (need != WorkerNeed.Needed)
            {
                await executor.Release(worker.Job, worker.Attempt, stoppingToken);
                Orphans.Add(1, new KeyValuePair<string, object?>("executor", executor.Type));
                OrphanRemoved(worker.Where);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            // Unknown: keep the worker, and ask its owner again in the next sweep.
            OwnerUnavailable(worker.Where, e.Message);
        }
    }

    [LoggerMessage(3001, LogLevel.Warning, "Removed an orphaned worker: {Worker}")]
    private partial void OrphanRemoved(string worker);

    [LoggerMessage(3002, LogLevel.Information, "Can't determine whether a worker is still needed; keeping it: {Worker}: {Message}")]
    private partial void OwnerUnavailable(string worker, string message);

    [LoggerMessage(3003, LogLevel.Warning, "Failed to look for orphaned workers of executor {Executor}; retrying in the next period")]
    private partial void Failed(Exception exception, string executor);

    [LoggerMessage(
        3004,
        LogLevel.Warning,
        "Keeping a worker of an unknown job, which another installation may have created: {Worker}. "
            + "Installations that share a namespace need different values of Shipinator:Kubernetes:InstanceId"
    )]
    private partial void ForeignWorkerKept(string worker);
}
