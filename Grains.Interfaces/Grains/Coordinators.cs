using Orleans.Concurrency;

namespace Shipinator;

/// <summary>One per repository: assigns run numbers, and the turns of its concurrency groups.</summary>
[Alias("shipinator.repository")]
public interface IRepositoryGrain : IGrainWithGuidKey
{
    /// <summary>
    /// Assigns a run its id and number. For a key that was used before, returns the same result again, so that a repeated request creates
    /// no second run. Errors: <see cref="ConflictException"/> <c>idempotency_key_reused</c> when the key was used with another
    /// <paramref name="fingerprint"/>.
    /// </summary>
    [Alias("reserve")]
    Task<RunReservation> Reserve(string? idempotencyKey, string fingerprint, CancellationToken cancellationToken = default);

    /// <summary>
    /// What <see cref="Reserve"/> would return, without reserving anything. Errors: the same. A silo of an older version does not know
    /// this call.
    /// </summary>
    [Alias("look-up")]
    Task<NextRun> FindRun(string? idempotencyKey, string fingerprint, CancellationToken cancellationToken = default);

    /// <summary>
    /// Requests a run's turn in a group. A run repeats the request to learn that its turn has come, or that it is superseded.
    /// </summary>
    [Alias("request-turn")]
    Task<TurnResponse> RequestTurn(TurnRequest request, CancellationToken cancellationToken = default);

    /// <summary>The run is terminal: the next one gets its turn. Idempotent.</summary>
    [Alias("leave")]
    Task Leave(RunId run, string group, CancellationToken cancellationToken = default);
}

/// <summary>A run's id and number; <see cref="IsRepeat"/> when the idempotency key was used before.</summary>
[GenerateSerializer, Alias("shipinator.run-reservation"), Immutable]
public sealed record RunReservation([property: Id(0)] RunId RunId, [property: Id(1)] long RunNumber, [property: Id(2)] bool IsRepeat);

/// <summary>The reservation of a key, and the number of the next run unless another one is reserved first.</summary>
[GenerateSerializer, Alias("shipinator.run-outlook"), Immutable]
public sealed record NextRun([property: Id(0)] RunReservation? Known, [property: Id(1)] long NextNumber);

/// <summary>A run's request for its turn in a concurrency group.</summary>
[GenerateSerializer, Alias("shipinator.turn-request"), Immutable]
public sealed record TurnRequest(
    [property: Id(0)] RunId Run,
    [property: Id(1)] long RunNumber,
    [property: Id(2)] string Group,
    [property: Id(3)] bool CancelPrevious
);

/// <summary>Whether a run may proceed; otherwise what it waits for; or the number of the newer run that supersedes it.</summary>
/// <param name="Granted">Whether it may proceed.</param>
/// <param name="WaitingFor"><see cref="WaitReason"/> as text, for older silos.</param>
/// <param name="SupersededBy">The number of the newer run.</param>
/// <param name="WaitReason">What it waits for; null from an older silo.</param>
[GenerateSerializer, Alias("shipinator.turn-answer"), Immutable]
public sealed record TurnResponse(
    [property: Id(0)] bool Granted,
    [property: Id(1)] string? WaitingFor,
    [property: Id(2)] long? SupersededBy,
    [property: Id(3)] WaitReason? WaitReason = null
);

/// <summary>One per executor: assigns its slots. Each slot has a holder.</summary>
[Alias("shipinator.admission")]
public interface IAdmissionGrain : IGrainWithStringKey
{
    /// <summary>
    /// Requests a slot; repeat the request while waiting. Within a project slots are granted in order of request; between projects, first
    /// to the one that holds the fewest.
    /// </summary>
    [Alias("acquire")]
    Task<AdmissionResponse> Acquire(AdmissionRequest request, CancellationToken cancellationToken = default);

    /// <summary>Releases a slot, or leaves the queue. Idempotent.</summary>
    [Alias("release")]
    Task Release(ExecutionId execution, CancellationToken cancellationToken = default);

    /// <summary>The holders of slots, the queue, and the limit.</summary>
    [Alias("view"), AlwaysInterleave]
    Task<AdmissionView> View(CancellationToken cancellationToken = default);
}

/// <summary>An execution's request for a slot, and since when it waits.</summary>
[GenerateSerializer, Alias("shipinator.admission-request"), Immutable]
public sealed record AdmissionRequest(
    [property: Id(0)] ExecutionId Execution,
    [property: Id(1)] ProjectId Project,
    [property: Id(2)] DateTimeOffset Since
);

/// <summary>Whether the slot is granted; otherwise how many executions are ahead.</summary>
[GenerateSerializer, Alias("shipinator.admission-answer"), Immutable]
public sealed record AdmissionResponse([property: Id(0)] bool Granted, [property: Id(1)] int Ahead, [property: Id(2)] int Limit);

/// <summary>The state of an executor's admission.</summary>
[GenerateSerializer, Alias("shipinator.admission-view"), Immutable]
public sealed record AdmissionView(
    [property: Id(0)] int Limit,
    [property: Id(1)] System.Collections.Immutable.ImmutableArray<SlotHolder> Holders,
    [property: Id(2)] System.Collections.Immutable.ImmutableArray<SlotHolder> Waiting
);

/// <summary>
/// One per repository: processes its webhook deliveries in order. The database is the queue; this grain has no state of its own.
/// </summary>
[Alias("shipinator.repository-inbox")]
public interface IRepositoryInboxGrain : IGrainWithGuidKey
{
    /// <summary>A delivery was stored. A hint: the grain also looks for itself, and <see cref="IRecoveryGrain"/> calls it.</summary>
    [Alias("received"), OneWay, AlwaysInterleave]
    Task Received();
}

/// <summary>One per cluster (key 0): activates the grain of everything that is not terminal or not settled.</summary>
[Alias("shipinator.recovery")]
public interface IRecoveryGrain : IGrainWithIntegerKey
{
    /// <summary>Ensures that the reminder exists, and sweeps now. Called at a silo's start and on a membership change.</summary>
    [Alias("wake")]
    Task Sweep(CancellationToken cancellationToken = default);
}

/// <summary>One per cluster (key 0): takes the due times of schedules.</summary>
[Alias("shipinator.schedules")]
public interface IScheduleGrain : IGrainWithIntegerKey
{
    /// <summary>
    /// Looks for due schedules now, and again when the next one is due. Called at a silo's start, on a membership change, every minute and
    /// when schedules have changed. Returns immediately.
    /// </summary>
    [Alias("wake")]
    Task Wake(CancellationToken cancellationToken = default);
}

/// <summary>
/// One per repository: sends its commit statuses, one after the other. All calls are hints, which may be lost: the recovery finds what is
/// due.
/// </summary>
[Alias("shipinator.status-sender")]
public interface IStatusSenderGrain : IGrainWithGuidKey
{
    /// <summary>Hint: a status was registered, or is to be sent again.</summary>
    [Alias("registered"), OneWay]
    Task Registered();

    /// <summary>Hint: a run of the repository, or one of its jobs, changed.</summary>
    [Alias("run-changed"), OneWay]
    Task RunChanged();

    /// <summary>Starts sending what is due, without waiting for it. Called by the recovery.</summary>
    [Alias("wake")]
    Task Wake(CancellationToken cancellationToken = default);
}
