using Orleans.Concurrency;

namespace Shipinator;

/// <summary>What is one per repository: run numbers, and the turns of its concurrency groups.</summary>
[Alias("shipinator.repository")]
public interface IRepositoryGrain : IGrainWithGuidKey
{
    /// <summary>
    /// Gives a run its id and number. With a key that was seen before: the first answer again, so that a repeated request
    /// makes no second run. Errors: <see cref="ConflictException"/> <c>idempotency_key_reused</c> when the key was used
    /// with another <paramref name="fingerprint"/>.
    /// </summary>
    [Alias("reserve")]
    Task<RunReservation> Reserve(string? idempotencyKey, string fingerprint, CancellationToken cancellationToken = default);

    /// <summary>
    /// What <see cref="Reserve"/> would return, without reserving anything. Errors: the same. A silo of an older version does not know
    /// this call.
    /// </summary>
    [Alias("look-up")]
    Task<RunOutlook> LookUp(string? idempotencyKey, string fingerprint, CancellationToken cancellationToken = default);

    /// <summary>
    /// A run asks for its turn in a group. Asking again is how a run learns that its turn came, or that it is superseded.
    /// </summary>
    [Alias("request-turn")]
    Task<TurnAnswer> RequestTurn(TurnRequest request, CancellationToken cancellationToken = default);

    /// <summary>The run is over: the next one's turn. Idempotent.</summary>
    [Alias("leave")]
    Task Leave(RunId run, string group, CancellationToken cancellationToken = default);
}

/// <summary>A run's id and number; <see cref="IsRepeat"/> when the key had been seen.</summary>
[GenerateSerializer, Alias("shipinator.run-reservation"), Immutable]
public sealed record RunReservation([property: Id(0)] RunId RunId, [property: Id(1)] long RunNumber, [property: Id(2)] bool IsRepeat);

/// <summary>The reservation that a key has, and the number that the next run without one gets if nothing is reserved meanwhile.</summary>
[GenerateSerializer, Alias("shipinator.run-outlook"), Immutable]
public sealed record RunOutlook([property: Id(0)] RunReservation? Known, [property: Id(1)] long NextNumber);

/// <summary>A run that wants its turn.</summary>
[GenerateSerializer, Alias("shipinator.turn-request"), Immutable]
public sealed record TurnRequest(
    [property: Id(0)] RunId Run,
    [property: Id(1)] long RunNumber,
    [property: Id(2)] string Group,
    [property: Id(3)] bool CancelPrevious
);

/// <summary>Whether a run may go on; otherwise what it waits for; or the number of the newer run that takes its place.</summary>
[GenerateSerializer, Alias("shipinator.turn-answer"), Immutable]
public sealed record TurnAnswer([property: Id(0)] bool Granted, [property: Id(1)] string? WaitingFor, [property: Id(2)] long? SupersededBy);

/// <summary>One per executor: who may use it now. A place is a lease that names its holder.</summary>
[Alias("shipinator.admission")]
public interface IAdmissionGrain : IGrainWithStringKey
{
    /// <summary>
    /// Asks for a place, or asks again while waiting. First come, first served within a project; between projects the one
    /// that holds fewest places goes first.
    /// </summary>
    [Alias("acquire")]
    Task<AdmissionAnswer> Acquire(AdmissionRequest request, CancellationToken cancellationToken = default);

    /// <summary>Gives a place back, or leaves the queue. Idempotent.</summary>
    [Alias("release")]
    Task Release(ExecutionId execution, CancellationToken cancellationToken = default);

    /// <summary>Who holds places, who waits, and the limit.</summary>
    [Alias("view"), AlwaysInterleave]
    Task<AdmissionView> View(CancellationToken cancellationToken = default);
}

/// <summary>An execution that wants a place, since when.</summary>
[GenerateSerializer, Alias("shipinator.admission-request"), Immutable]
public sealed record AdmissionRequest(
    [property: Id(0)] ExecutionId Execution,
    [property: Id(1)] ProjectId Project,
    [property: Id(2)] DateTimeOffset Since
);

/// <summary>Granted, or how many are ahead.</summary>
[GenerateSerializer, Alias("shipinator.admission-answer"), Immutable]
public sealed record AdmissionAnswer([property: Id(0)] bool Granted, [property: Id(1)] int Ahead, [property: Id(2)] int Limit);

/// <summary>The state of an executor's admission.</summary>
[GenerateSerializer, Alias("shipinator.admission-view"), Immutable]
public sealed record AdmissionView(
    [property: Id(0)] int Limit,
    [property: Id(1)] System.Collections.Immutable.ImmutableArray<LeaseHolder> Holders,
    [property: Id(2)] System.Collections.Immutable.ImmutableArray<LeaseHolder> Waiting
);

/// <summary>One in the cluster (key 0): touches the grain of everything that is not terminal, so that nothing is forgotten.</summary>
[Alias("shipinator.recovery")]
public interface IRecoveryGrain : IGrainWithIntegerKey
{
    /// <summary>Sees to it that the reminder is there, and sweeps now. Called at a silo's start and on a membership change.</summary>
    [Alias("wake")]
    Task Wake(CancellationToken cancellationToken = default);
}
