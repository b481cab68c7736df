namespace Shipinator;

/// <summary>Lets an executor signal a change, so that the execution does not wait for its next poll.</summary>
public interface IExecutionSignal
{
    /// <summary>A hint: the execution polls its executor soon. Never fails; may be repeated or lost.</summary>
    void Changed(ExecutionId execution);
}

/// <summary>Whether a worker is needed.</summary>
public enum WorkerNeed
{
    /// <summary>This installation has no such job.</summary>
    Unknown,

    /// <summary>Its job attempt has not ended.</summary>
    Needed,

    /// <summary>Its job attempt has ended.</summary>
    Over,
}

/// <summary>Determines whether a worker is still needed.</summary>
public interface IWorkerOwnership
{
    /// <summary>Errors: any error of the owner; the worker is then kept.</summary>
    Task<WorkerNeed> Ask(JobId job, int attempt, CancellationToken cancellationToken);
}

/// <summary>A worker that an executor found.</summary>
/// <param name="Job">The job that it was created for.</param>
/// <param name="Attempt">The job attempt, from 1.</param>
/// <param name="Where">For people: its name and location.</param>
/// <param name="MayBeForeign">Another installation may have created it: when its job is not known here, it stays.</param>
public sealed record FoundWorker(JobId Job, int Attempt, string Where, bool MayBeForeign);

/// <summary>An executor that can list its workers, so that orphaned ones are found.</summary>
public interface IWorkerInventory : IWorkerExecutor
{
    /// <summary>How often orphaned workers are looked for.</summary>
    TimeSpan SweepPeriod { get; }

    /// <summary>The workers that are not being removed. Called once per period.</summary>
    IReadOnlyCollection<FoundWorker> FindWorkers();

    /// <summary>Retries to remove what could not be removed before. Called once per period, before <see cref="FindWorkers"/>.</summary>
    Task Tidy(CancellationToken cancellationToken) => Task.CompletedTask;
}
