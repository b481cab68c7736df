using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Hosting;

/// <summary>Wakes an execution's grain. One-way: an executor that sees a change does not wait for its consequences.</summary>
internal sealed partial class ExecutionSignal(IGrainFactory grains, ILogger<ExecutionSignal> logger) : IExecutionSignal
{
    /// <inheritdoc/>
    public void Changed(ExecutionId execution) => _ = WakeAsync(execution);

    private async Task WakeAsync(ExecutionId execution)
    {
        try
        {
            await grains.GetGrain<IExecutionGrain>(execution.Value).ExecutorChanged();
        }
        catch (Exception e) when (e is OrleansException or InvalidOperationException or ObjectDisposedException)
        {
            // A hint: the grain polls by its own timer in any case.
            NotSent(execution, e.Message);
        }
    }

    [LoggerMessage(1206, LogLevel.Debug, "The hint for execution {Execution} was not sent: {Message}")]
    private partial void NotSent(ExecutionId execution, string message);
}

/// <summary>Asks the job whether a worker is needed.</summary>
internal sealed class WorkerOwnership(IGrainFactory grains) : IWorkerOwnership
{
    /// <inheritdoc/>
    public Task<WorkerNeed> Ask(JobId job, int attempt, CancellationToken cancellationToken) =>
        grains.GetGrain<IJobGrain>(job.Value).GetWorkerNeed(attempt, cancellationToken);
}
