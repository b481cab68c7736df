using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Finds Jobs whose owner does not need them any more, by asking the owner; age says nothing.</summary>
internal sealed partial class OrphanSweep(
    WorkerCache cache, KubernetesExecutor executor, IWorkerOwnership owners, IOptions<KubernetesOptions> options, TimeProvider time, ILogger<OrphanSweep> logger)
    : BackgroundService
{
    private static readonly Meter Meter = new("Shipinator.Executors.Kubernetes");
    private static readonly Counter<long> Orphans = Meter.CreateCounter<long>("shipinator.kubernetes.orphans", "{job}", "Jobs that nobody owned and that were deleted.");

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.SweepPeriod, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            cache.Purge();
            await SweepAsync(stoppingToken);
        }
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var view in cache.All.Where(v => v is { HasJob: true, Job.Metadata.DeletionTimestamp: null, Job.Spec.TtlSecondsAfterFinished: null }))
        {
            if (Labels.Ids(view.Job!.Metadata) is not var (job, attempt))
            {
                continue;
            }

            try
            {
                if (!await owners.IsNeeded(job, attempt, cancellationToken))
                {
                    Found(view.Name, view.Namespace);
                    await executor.Release(job, attempt, cancellationToken);
                    Orphans.Add(1);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                // Not known: it stays, and is asked for again.
                Unanswered(view.Name, e.Message);
            }
        }
    }

    [LoggerMessage(2102, LogLevel.Warning, "Job {Name} in namespace {Namespace} is owned by nobody and is deleted")]
    private partial void Found(string name, string @namespace);

    [LoggerMessage(2103, LogLevel.Information, "Whether Job {Name} is needed is not known now: {Message}")]
    private partial void Unanswered(string name, string message);
}
