namespace Shipinator;

/// <summary>By which an executor says that it saw something change, so that nobody has to wait for the next look.</summary>
public interface IExecutionSignal
{
    /// <summary>A hint: the execution asks its executor soon. Never fails, may be repeated, may be lost.</summary>
    void Changed(ExecutionId execution);
}

/// <summary>By which whoever finds a worker learns whether anybody needs it still.</summary>
public interface IWorkerOwnership
{
    /// <summary>
    /// False: the job is over, has begun again, or is not known; the worker may be taken away. Errors: whatever kept the
    /// owner from answering; then it is not known, and the worker stays.
    /// </summary>
    Task<bool> IsNeeded(JobId job, int attempt, CancellationToken cancellationToken);
}
