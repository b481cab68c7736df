using System.Collections.Concurrent;

namespace Shipinator.Benchmarks;

/// <summary>Reports success immediately, like a runner: by the callback to the execution's grain.</summary>
public sealed class InstantExecutor(IGrainFactory grains) : IWorkerExecutor
{
    private readonly ConcurrentDictionary<ExecutionId, bool> _seen = new();

    /// <inheritdoc/>
    public string Type => "made-up";

    /// <summary>The number of submitted executions.</summary>
    public int Submitted => _seen.Count;

    /// <inheritdoc/>
    public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (_seen.TryAdd(spec.ExecutionId, true))
        {
            // Not awaited: a runner is not part of the submit.
            _ = Task.Run(
                () =>
                    grains
                        .GetGrain<IExecutionGrain>(spec.ExecutionId.Value)
                        .Report(new ExecutionReport { Status = Shipinator.Status.Success, ExitCode = 0 }, CancellationToken.None),
                CancellationToken.None
            );
        }

        return Task.FromResult(ExecutionHandle.Of(spec, Type));
    }

    /// <inheritdoc/>
    public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken) =>
        Task.FromResult(new ExecutionStatus { Status = Shipinator.Status.Running });

    /// <inheritdoc/>
    public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task Release(JobId job, int attempt, CancellationToken cancellationToken) => Task.CompletedTask;
}
