using System.Collections.Immutable;
using Orleans.Concurrency;

namespace Shipinator;

// Calls that are awaited go one way only: run → repository, run → job → execution → admission. Everything that travels
// the other way is a one-way hint ("something changed, look"), which may be lost: the owner looks again by
// itself when it is activated and whenever RecoveryGrain touches it. So no two grains can wait for each other.

/// <summary>Owns one run: its row in <c>pipeline_runs</c>.</summary>
[Alias("shipinator.run")]
public interface IPipelineRunGrain : IGrainWithGuidKey
{
    /// <summary>Makes the run durable with all its jobs and steps pending, then starts to drive it. Repeated: changes nothing.</summary>
    [Alias("create")]
    Task Create(CreateRun command, CancellationToken cancellationToken = default);

    /// <summary>Asks for a stop: durable when this returns, confirmed when the run is <c>canceled</c>. Terminal: no-op.</summary>
    [Alias("cancel")]
    Task Cancel(CancelRequest request, CancellationToken cancellationToken = default);

    /// <summary>Looks at its jobs and does what is to be done. Harmless at any time.</summary>
    [Alias("touch")]
    Task Touch(CancellationToken cancellationToken = default);

    /// <summary><see cref="WaitReasons"/> in words, for older silos.</summary>
    [Alias("waiting-for"), AlwaysInterleave]
    Task<ImmutableDictionary<Guid, string>> WaitingFor(CancellationToken cancellationToken = default);

    /// <summary>What the run and each of its jobs, steps and executions that are not terminal wait for, by entity id.</summary>
    [Alias("wait-reasons"), AlwaysInterleave]
    Task<ImmutableDictionary<Guid, WaitReason>> WaitReasons(CancellationToken cancellationToken = default);

    /// <summary>The current row. Errors: <see cref="NotFoundException"/>.</summary>
    [Alias("get"), AlwaysInterleave]
    Task<RunRecord> Get(CancellationToken cancellationToken = default);

    /// <summary>Hint: a job changed.</summary>
    [Alias("job-changed"), OneWay]
    Task JobChanged(JobId job, JobOutcome outcome);

    /// <summary>Hint: its turn in the concurrency group may have come, or a newer run takes its place.</summary>
    [Alias("turn-changed"), OneWay]
    Task TurnChanged();
}

/// <summary>All that makes a run.</summary>
[GenerateSerializer, Alias("shipinator.create-run"), Immutable]
public sealed record CreateRun
{
    /// <summary>The pipeline.</summary>
    [Id(0)]
    public required PipelineId PipelineId { get; init; }

    /// <summary>The repository.</summary>
    [Id(1)]
    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The project.</summary>
    [Id(2)]
    public required ProjectId ProjectId { get; init; }

    /// <summary>The project's name.</summary>
    [Id(3)]
    public required string ProjectName { get; init; }

    /// <summary>The repository's name.</summary>
    [Id(4)]
    public required string RepositoryName { get; init; }

    /// <summary>Given by the repository's grain, before the plan's templates could use it.</summary>
    [Id(5)]
    public required long RunNumber { get; init; }

    /// <summary>What to check out.</summary>
    [Id(6)]
    public required SourceSpec Source { get; init; }

    /// <summary>The executor.</summary>
    [Id(7)]
    public required string Executor { get; init; }

    /// <summary>The plan.</summary>
    [Id(8)]
    public required RunPlan Plan { get; init; }

    /// <summary>Who asked.</summary>
    [Id(9)]
    public required string Actor { get; init; }

    /// <summary>The run that this one repeats.</summary>
    [Id(10)]
    public RunId? RerunOf { get; init; }

    /// <summary>By job name: successful jobs of the repeated run that are not run again.</summary>
    [Id(11)]
    public ImmutableDictionary<string, JobId> Reused { get; init; } = ImmutableDictionary<string, JobId>.Empty;

    /// <summary>The client's key.</summary>
    [Id(12)]
    public string? IdempotencyKey { get; init; }
}

/// <summary>Owns one job and its steps.</summary>
[Alias("shipinator.job")]
public interface IJobGrain : IGrainWithGuidKey
{
    /// <summary>Its stage has come: start. Returns where it stands. Repeated: changes nothing.</summary>
    [Alias("start")]
    Task<JobOutcome> Start(CancellationToken cancellationToken = default);

    /// <summary>It will not be needed: pending → skipped. Returns where it stands.</summary>
    [Alias("skip")]
    Task<JobOutcome> Skip(Reason reason, string detail, CancellationToken cancellationToken = default);

    /// <summary>Asks for a stop; returns where it stands after that.</summary>
    [Alias("cancel")]
    Task<JobOutcome> Cancel(CancelRequest request, CancellationToken cancellationToken = default);

    /// <summary>Looks at its executions and does what is to be done; returns where it stands.</summary>
    [Alias("touch")]
    Task<JobOutcome> Touch(CancellationToken cancellationToken = default);

    /// <summary>Whether the worker of this attempt is needed still.</summary>
    [Alias("worker-need"), AlwaysInterleave]
    Task<WorkerNeed> NeedOfWorker(int attempt, CancellationToken cancellationToken = default);

    /// <summary><see cref="WaitReasons"/> in words, for older silos.</summary>
    [Alias("waiting-for"), AlwaysInterleave]
    Task<ImmutableDictionary<Guid, string>> WaitingFor(CancellationToken cancellationToken = default);

    /// <summary>What the job and its steps and executions that are not terminal wait for, by entity id.</summary>
    [Alias("wait-reasons"), AlwaysInterleave]
    Task<ImmutableDictionary<Guid, WaitReason>> WaitReasons(CancellationToken cancellationToken = default);

    /// <summary>What the runner of an execution that has ended, or was never begun, is to do next.</summary>
    [Alias("step-of"), AlwaysInterleave]
    Task<StepPlace> StepOf(ExecutionId execution, CancellationToken cancellationToken = default);

    /// <summary>Hint: an execution changed.</summary>
    [Alias("execution-changed"), OneWay]
    Task ExecutionChanged(ExecutionId execution, ExecutionOutcome outcome);
}

/// <summary>Where an execution's step stands, for the runner that waits in the step's container.</summary>
[GenerateSerializer, Alias("shipinator.step-place"), Immutable]
public sealed record StepPlace([property: Id(0)] StepPlaceKind Kind, [property: Id(1)] ExecutionId? Next)
{
    /// <summary>The step is not decided yet.</summary>
    public static StepPlace NotYet { get; } = new(StepPlaceKind.NotYet, null);

    /// <summary>Nothing of the step will run in this worker any more.</summary>
    public static StepPlace Over { get; } = new(StepPlaceKind.Over, null);
}

/// <summary>What a step's runner is to do.</summary>
[GenerateSerializer, Alias("shipinator.step-place-kind")]
public enum StepPlaceKind
{
    /// <summary>Ask again.</summary>
    NotYet = 0,

    /// <summary>End: the step is over, or its job attempt is.</summary>
    Over = 1,

    /// <summary>Go on with <see cref="StepPlace.Next"/>, another try in the same workspace.</summary>
    Next = 2,
}

/// <summary>Where a job stands, for its run.</summary>
[GenerateSerializer, Alias("shipinator.job-outcome"), Immutable]
public sealed record JobOutcome([property: Id(0)] Status Status, [property: Id(1)] Reason? Reason, [property: Id(2)] string? Detail);

/// <summary>Owns one attempt of a step; the only grain that talks to an <see cref="IExecutor"/>.</summary>
[Alias("shipinator.execution")]
public interface IExecutionGrain : IGrainWithGuidKey
{
    /// <summary>Begins: waits for admission, submits, watches. Returns where it stands. Repeated: changes nothing.</summary>
    [Alias("start")]
    Task<ExecutionOutcome> Start(StartExecution command, CancellationToken cancellationToken = default);

    /// <summary>Asks for a stop; ends with the request's reason (<c>failed</c> for a timeout) once confirmed.</summary>
    [Alias("cancel")]
    Task<ExecutionOutcome> Cancel(CancelRequest request, CancellationToken cancellationToken = default);

    /// <summary>Asks its executor and does what is to be done; returns where it stands.</summary>
    [Alias("touch")]
    Task<ExecutionOutcome> Touch(CancellationToken cancellationToken = default);

    /// <summary>Releases the worker of the job attempt that this execution ran in. Idempotent.</summary>
    [Alias("release-worker")]
    Task ReleaseWorker(CancellationToken cancellationToken = default);

    /// <summary>
    /// A runner asks for its work and waits up to <paramref name="wait"/> for it. Only the first runner gets it; the same
    /// one asking again gets the same answer; another one is refused with <see cref="ConflictException"/> <c>claimed</c>.
    /// </summary>
    [Alias("claim"), AlwaysInterleave]
    Task<ClaimResult> Claim(string runner, TimeSpan wait, CancellationToken cancellationToken = default);

    /// <summary>
    /// The callback (§4.3). Idempotent. Errors: <see cref="AlreadyEndedException"/> when it ended otherwise,
    /// <see cref="NotFoundException"/> when there is no such execution.
    /// </summary>
    [Alias("report")]
    Task Report(ExecutionReport report, CancellationToken cancellationToken = default);

    /// <summary>The runner is alive; the answer says whether it should stop. Also answers for a log append.</summary>
    [Alias("heartbeat"), AlwaysInterleave]
    Task<HeartbeatResult> Heartbeat(string runner, CancellationToken cancellationToken = default);

    /// <summary><see cref="GetWaitReason"/> in words, for older silos.</summary>
    [Alias("waiting-for"), AlwaysInterleave]
    Task<string?> WaitingFor(CancellationToken cancellationToken = default);

    /// <summary>What it waits for; null when it does not wait.</summary>
    [Alias("wait-reason"), AlwaysInterleave]
    Task<WaitReason?> GetWaitReason(CancellationToken cancellationToken = default);

    /// <summary>The current row. Errors: <see cref="NotFoundException"/>.</summary>
    [Alias("get"), AlwaysInterleave]
    Task<ExecutionRecord> Get(CancellationToken cancellationToken = default);

    /// <summary>Hint: admission gave it a place.</summary>
    [Alias("admitted"), OneWay]
    Task Admitted();

    /// <summary>Hint: its step was passed over; runners that wait for it may go.</summary>
    [Alias("not-needed"), OneWay]
    Task NotNeeded();

    /// <summary>Hint: the executor saw a change: ask it.</summary>
    [Alias("executor-changed"), OneWay]
    Task ExecutorChanged();
}

/// <summary>All that an execution needs to begin.</summary>
[GenerateSerializer, Alias("shipinator.start-execution"), Immutable]
public sealed record StartExecution(
    [property: Id(0)] ExecutionSpec Spec,
    [property: Id(1)] string Executor,
    [property: Id(2)] bool IsDeploy
);

/// <summary>Where an execution stands, for its job.</summary>
[GenerateSerializer, Alias("shipinator.execution-outcome"), Immutable]
public sealed record ExecutionOutcome(
    [property: Id(0)] Status Status,
    [property: Id(1)] Reason? Reason,
    [property: Id(2)] string? Detail,
    [property: Id(3)] int? ExitCode
);

/// <summary>What a claim is answered with.</summary>
[GenerateSerializer, Alias("shipinator.claim-kind")]
public enum ClaimKind
{
    /// <summary>Not yet: ask again (204).</summary>
    NotYet = 0,

    /// <summary>Here is your work (200).</summary>
    Work = 1,

    /// <summary>You are not needed (410): skipped, canceled or over.</summary>
    NotNeeded = 2,
}

/// <summary>
/// The answer to a claim; the specification and the resolved inputs only with <see cref="ClaimKind.Work"/>.
/// <paramref name="MayClone"/>: this very claim is the one by which the workspace is made, and nothing of the job can have run before it;
/// only then may it be answered with the clone credential.
/// </summary>
[GenerateSerializer, Alias("shipinator.claim-result"), Immutable]
public sealed record ClaimResult(
    [property: Id(0)] ClaimKind Kind,
    [property: Id(1)] ExecutionSpec? Spec,
    [property: Id(2)] ImmutableArray<ResolvedInput> Inputs,
    [property: Id(3)] bool MayClone = false,
    [property: Id(4)] string? ExecutorType = null
);

/// <summary>An artifact for a step, and the folder below the workspace that it goes to.</summary>
[GenerateSerializer, Alias("shipinator.resolved-input"), Immutable]
public sealed record ResolvedInput([property: Id(0)] ArtifactEntry Artifact, [property: Id(1)] string Path)
{
    /// <summary>The file's place below the workspace; absent for plans of older versions: the file's name in <see cref="Path"/>.</summary>
    [Id(11)]
    public string? Target { get; init; }
}

/// <summary>What a runner reports at the end.</summary>
[GenerateSerializer, Alias("shipinator.execution-report"), Immutable]
public sealed record ExecutionReport
{
    /// <summary><see cref="Status.Success"/>, <see cref="Status.Failed"/>, or <see cref="Status.Canceled"/> after a stop was asked for.</summary>
    [Id(0)]
    public required Status Status { get; init; }

    /// <summary>The command's exit code.</summary>
    [Id(1)]
    public int? ExitCode { get; init; }

    /// <summary>The URI of the log, when it lies elsewhere.</summary>
    [Id(2)]
    public string? LogsUri { get; init; }

    /// <summary>The artifacts that were uploaded; each must be known.</summary>
    [Id(3)]
    public ImmutableArray<ArtifactId> Artifacts { get; init; } = [];

    /// <summary>Why it failed; absent with a non-zero exit code: <see cref="Shipinator.Reason.ExitCode"/>.</summary>
    [Id(4)]
    public Reason? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    [Id(5)]
    public string? Detail { get; init; }
}

/// <summary>
/// The answer to a heartbeat: whether to stop, and how long a stop may take. <paramref name="IsIdle"/>: no runner has claimed it yet, or it
/// has ended; nothing can be added to it.
/// </summary>
[GenerateSerializer, Alias("shipinator.heartbeat-result"), Immutable]
public sealed record HeartbeatResult(
    [property: Id(0)] bool Cancel,
    [property: Id(1)] TimeSpan Grace,
    [property: Id(2)] bool IsIdle = false
);
