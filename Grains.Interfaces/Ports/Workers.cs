namespace Shipinator;

/// <summary>By which an executor says that it saw something change, so that nobody has to wait for the next look.</summary>
public interface IExecutionSignal
{
    /// <summary>A hint: the execution asks its executor soon. Never fails, may be repeated, may be lost.</summary>
    void Changed(ExecutionId execution);
}

/// <summary>Whether anybody needs a worker.</summary>
public enum WorkerNeed
{
    /// <summary>There is no such job here.</summary>
    Unknown,

    /// <summary>Its job attempt is not over.</summary>
    Needed,

    /// <summary>The job is over, or has begun again.</summary>
    Over,
}

/// <summary>By which whoever finds a worker learns whether anybody needs it still.</summary>
public interface IWorkerOwnership
{
    /// <summary>Errors: whatever kept the owner from answering; then it is not known, and the worker stays.</summary>
    Task<WorkerNeed> Ask(JobId job, int attempt, CancellationToken cancellationToken);
}

/// <summary>A worker that an executor has.</summary>
/// <param name="Job">The job that it was made for.</param>
/// <param name="Attempt">The job's attempt.</param>
/// <param name="Where">For people: its name and place.</param>
/// <param name="MayBeForeign">Another installation may have made it: when its job is not known here, it stays.</param>
public sealed record FoundWorker(JobId Job, int Attempt, string Where, bool MayBeForeign);

/// <summary>An executor that can tell which workers it has, so that forgotten ones are found.</summary>
public interface IWorkerInventory : IWorkerExecutor
{
    /// <summary>How often they are looked for.</summary>
    TimeSpan SweepPeriod { get; }

    /// <summary>Those that are not on their way out. Called once per period.</summary>
    IReadOnlyCollection<FoundWorker> FindWorkers();

    /// <summary>Tries again to remove what could not be removed before. Called once per period, before <see cref="FindWorkers"/>.</summary>
    Task Tidy(CancellationToken cancellationToken) => Task.CompletedTask;
}
