namespace Shipinator;

/// <summary>Everything in the database that is not terminal, or whose end is not settled.</summary>
public interface IUnfinishedWork
{
    /// <summary>
    /// Streams the ids of the runs, jobs and executions in one of the given states, none of which is terminal, and of whatever ended and is
    /// not settled; in the given order, each machine's oldest first.
    /// </summary>
    IAsyncEnumerable<UnfinishedItem> List(IReadOnlyList<MachineStates> states, CancellationToken cancellationToken);

    /// <summary>Records that the cleanup of a terminal run, job or execution is complete: it is no longer listed. Idempotent.</summary>
    Task Settled(Guid id, CancellationToken cancellationToken);

    /// <summary>The executions of an executor that are in one of the given states, none of which is terminal; oldest first.</summary>
    Task<IReadOnlyList<SlotHolder>> Holders(string executorType, IReadOnlyCollection<Status> states, CancellationToken cancellationToken);
}

/// <summary>Some states of a machine.</summary>
public sealed record MachineStates(Machine Machine, IReadOnlyCollection<Status> States);

/// <summary>Something that is not terminal, or not settled.</summary>
[GenerateSerializer, Alias("shipinator.unfinished-item"), Immutable]
public sealed record UnfinishedItem([property: Id(0)] Machine Machine, [property: Id(1)] Guid Id);

/// <summary>An execution that holds a slot, and the project that it counts for.</summary>
[GenerateSerializer, Alias("shipinator.lease-holder"), Immutable]
public sealed record SlotHolder(
    [property: Id(0)] ExecutionId Execution,
    [property: Id(1)] ProjectId Project,
    [property: Id(2)] DateTimeOffset Since
);

/// <summary>Finds artifacts for a step's inputs.</summary>
public interface IArtifactIndex
{
    /// <summary>
    /// The matching artifacts of a run's jobs, and of the jobs whose results they reuse, of executions in any state; by id: of any run of
    /// the same project, since artifacts are never shared across projects. Oldest first.
    /// </summary>
    Task<IReadOnlyList<ArtifactCandidate>> Find(RunId run, ProjectId project, InputSpec input, CancellationToken cancellationToken);

    /// <summary>The artifacts of an execution so far.</summary>
    Task<IReadOnlyList<ArtifactEntry>> OfExecution(ExecutionId execution, CancellationToken cancellationToken);
}

/// <summary>
/// An artifact that a step may use: <paramref name="Status"/> is the status of the execution that uploaded it, and
/// <paramref name="IsLastAttempt"/> whether no later execution of the same step exists.
/// </summary>
public sealed record ArtifactCandidate(ArtifactEntry Artifact, Status Status, bool IsLastAttempt);

/// <summary>An artifact, as consumers see it.</summary>
[GenerateSerializer, Alias("shipinator.artifact-entry"), Immutable]
public sealed record ArtifactEntry
{
    [Id(0)]
    public required ArtifactId Id { get; init; }

    [Id(1)]
    public required JobId JobId { get; init; }

    [Id(2)]
    public required ExecutionId ExecutionId { get; init; }

    [Id(3)]
    public required string StepName { get; init; }

    [Id(4)]
    public required string Type { get; init; }

    /// <summary>Relative to the workspace, with forward slashes; for a <c>ref</c> artifact, the ref.</summary>
    [Id(5)]
    public required string FileName { get; init; }

    /// <summary>SHA-256 in lower-case hex; absent for a <c>ref</c> artifact.</summary>
    [Id(6)]
    public string? Sha256 { get; init; }

    /// <summary>In bytes.</summary>
    [Id(7)]
    public long Size { get; init; }

    /// <summary>Set when the artifact is only a name.</summary>
    [Id(8)]
    public string? Ref { get; init; }

    /// <summary>The name of its job in the run.</summary>
    [Id(18)]
    public string JobName { get; init; } = "";
}

/// <summary>Notifications of changes, from every silo: hints to read again.</summary>
public interface IChangeFeed
{
    /// <summary>
    /// Yields when something of the run changed, and once at the start. Several changes may be reported as one; after a lost connection
    /// to the database it yields again, so that a reader never misses the last state. A reader of all runs gets the empty
    /// <see cref="RunId"/> when anything may have changed: at the start, after a lost connection, and when a project, repository,
    /// pipeline or token was created, changed or removed.
    /// </summary>
    IAsyncEnumerable<RunId> Changes(RunId? run, CancellationToken cancellationToken);
}
