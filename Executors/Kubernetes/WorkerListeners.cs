using System.Collections.Concurrent;

namespace Shipinator.Executors.Kubernetes;

/// <summary>The executions to signal when a worker changes: those that were submitted or queried in this process.</summary>
internal sealed class WorkerListeners(IExecutionSignal signal)
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<ExecutionId, bool>> _executions = new(StringComparer.Ordinal);

    public void Add(string worker, ExecutionId execution) => _executions.GetOrAdd(worker, _ => new())[execution] = true;

    public void Notify(string worker)
    {
        if (_executions.TryGetValue(worker, out var executions))
        {
            foreach (var execution in executions.Keys)
            {
                signal.Changed(execution);
            }
        }
    }

    public void Forget(string worker) => _executions.TryRemove(worker, out _);
}
