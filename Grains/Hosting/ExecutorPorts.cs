using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Hosting;

/// <summary>Notifies an execution's grain of a change. One-way: the executor does not wait for the consequences.</summary>
internal sealed partial class ExecutionSignal(IGrainFactory grains, ILogger<ExecutionSignal> logger) : IExecutionSignal
{
    /// <inheritdoc/>
    public void Changed(ExecutionId execution) => _ = NotifyAsync(execution);

    private async Task NotifyAsync(ExecutionId execution)
    {
        try
        {
            await grains.GetGrain<IExecutionGrain>(execution.Value).ExecutorChanged();
        }
        catch (Exception e) when (e is OrleansException or InvalidOperationException or ObjectDisposedException)
        {
            // A hint: the grain polls by its own timer in any case.
            HintFailed(execution, e.Message);
        }
    }

    [LoggerMessage(1206, LogLevel.Debug, "The hint for execution {Execution} was not sent: {Message}")]
    private partial void HintFailed(ExecutionId execution, string message);
}

/// <summary>Asks the job whether a worker is needed.</summary>
internal sealed class WorkerOwnership(IGrainFactory grains) : IWorkerOwnership
{
    /// <inheritdoc/>
    public Task<WorkerNeed> Ask(JobId job, int attempt, CancellationToken cancellationToken) =>
        grains.GetGrain<IJobGrain>(job.Value).GetWorkerNeed(attempt, cancellationToken);
}
