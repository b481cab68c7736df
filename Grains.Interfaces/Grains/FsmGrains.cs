using System.Collections.Immutable;
using Orleans.Concurrency;

namespace Shipinator;

// Calls that are awaited go one way only: run → repository, run → job → execution → admission. Everything that travels
// the other way is a one-way hint ("something changed, check"), which may be lost: the owner checks again when it is activated and whenever
// RecoveryGrain touches it. So no two grains can wait for each other.

/// <summary>Owns one run: its row in <c>pipeline_runs</c>.</summary>
[Alias("shipinator.run")]
public interface IPipelineRunGrain : IGrainWithGuidKey
{
    /// <summary>Stores the run with all its jobs and steps pending, then starts it. Idempotent.</summary>
    [Alias("create")]
    Task Create(CreateRun command, CancellationToken cancellationToken = default);

    /// <summary>
    /// Requests a cancel: stored when this returns, confirmed when the run is <c>canceled</c>. No effect on a terminal run.
    /// </summary>
    [Alias("cancel")]
    Task Cancel(CancelRequest request, CancellationToken cancellationToken = default);

    /// <summary>Checks its jobs and does what is due. Idempotent.</summary>
    [Alias("touch")]
    Task Touch(CancellationToken cancellationToken = default);

    /// <summary><see cref="WaitReasons"/> as text, for older silos.</summary>
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

    /// <summary>Hint: its turn in the concurrency group may have come, or a newer run superseded it.</summary>
    [Alias("turn-changed"), OneWay]
    Task TurnChanged();
}

/// <summary>The input of a new run.</summary>
[GenerateSerializer, Alias("shipinator.create-run"), Immutable]
public sealed record CreateRun
{
    [Id(0)]
    public required PipelineId PipelineId { get; init; }

    [Id(1)]
    public required RepositoryId RepositoryId { get; init; }

    [Id(2)]
    public required ProjectId ProjectId { get; init; }

    [Id(3)]
    public required string ProjectName { get; init; }

    [Id(4)]
    public required string RepositoryName { get; init; }

    /// <summary>Assigned by the repository's grain before planning, because templates may use it.</summary>
    [Id(5)]
    public required long RunNumber { get; init; }

    /// <summary>What to check out.</summary>
    [Id(6)]
    public required SourceSpec Source { get; init; }

    [Id(7)]
    public required string Executor { get; init; }

    [Id(8)]
    public required RunPlan Plan { get; init; }

    [Id(9)]
    public required string Actor { get; init; }

    /// <summary>The original run, if this one is a rerun.</summary>
    [Id(10)]
    public RunId? RerunOf { get; init; }

    /// <summary>Successful jobs of the repeated run whose results are reused, by job name.</summary>
    [Id(11)]
    public ImmutableDictionary<string, JobId> Reused { get; init; } = ImmutableDictionary<string, JobId>.Empty;

    /// <summary>The client's <c>Idempotency-Key</c>.</summary>
    [Id(12)]
    public string? IdempotencyKey { get; init; }

    /// <summary>How the run came about, as a sentence, when that is worth knowing; an older silo drops it.</summary>
    [Id(30)]
    public string? Note { get; init; }
}

/// <summary>Owns one job and its steps.</summary>
[Alias("shipinator.job")]
public interface IJobGrain : IGrainWithGuidKey
{
    /// <summary>Starts the job when its stage begins. Idempotent.</summary>
    [Alias("start")]
    Task<JobOutcome> Start(CancellationToken cancellationToken = default);

    /// <summary>Skips the job while it is pending.</summary>
    [Alias("skip")]
    Task<JobOutcome> Skip(Reason reason, string detail, CancellationToken cancellationToken = default);

    /// <summary>Requests a cancel.</summary>
    [Alias("cancel")]
    Task<JobOutcome> Cancel(CancelRequest request, CancellationToken cancellationToken = default);

    /// <summary>Checks its executions and does what is due.</summary>
    [Alias("touch")]
    Task<JobOutcome> Touch(CancellationToken cancellationToken = default);

    /// <summary>Whether the worker of a job attempt is still needed.</summary>
    [Alias("worker-need"), AlwaysInterleave]
    Task<WorkerNeed> GetWorkerNeed(int attempt, CancellationToken cancellationToken = default);

    /// <summary><see cref="WaitReasons"/> as text, for older silos.</summary>
    [Alias("waiting-for"), AlwaysInterleave]
    Task<ImmutableDictionary<Guid, string>> WaitingFor(CancellationToken cancellationToken = default);

    /// <summary>What the job and its steps and executions that are not terminal wait for, by entity id.</summary>
    [Alias("wait-reasons"), AlwaysInterleave]
    Task<ImmutableDictionary<Guid, WaitReason>> WaitReasons(CancellationToken cancellationToken = default);

    /// <summary>What the runner of an execution that has ended, or was never started, is to do next.</summary>
    [Alias("step-of"), AlwaysInterleave]
    Task<StepProgress> StepOf(ExecutionId execution, CancellationToken cancellationToken = default);

    /// <summary>Hint: an execution changed.</summary>
    [Alias("execution-changed"), OneWay]
    Task ExecutionChanged(ExecutionId execution, ExecutionOutcome outcome);
}

/// <summary>The state of an execution's step, for the runner that waits in the step's container.</summary>
[GenerateSerializer, Alias("shipinator.step-place"), Immutable]
public sealed record StepProgress([property: Id(0)] StepProgressKind Kind, [property: Id(1)] ExecutionId? Next)
{
    /// <summary>Whether the step continues is not decided yet.</summary>
    public static StepProgress NotYet { get; } = new(StepProgressKind.NotYet, null);

    /// <summary>No further execution of the step will run in this worker.</summary>
    public static StepProgress Over { get; } = new(StepProgressKind.Over, null);
}

/// <summary>What a step's runner is to do.</summary>
[GenerateSerializer, Alias("shipinator.step-place-kind")]
public enum StepProgressKind
{
    /// <summary>Ask again.</summary>
    NotYet = 0,

    /// <summary>Exit: the step or its job attempt has ended.</summary>
    Over = 1,

    /// <summary>Continue with <see cref="StepProgress.Next"/>, another attempt in the same workspace.</summary>
    Next = 2,
}

/// <summary>The state of a job, for its run.</summary>
[GenerateSerializer, Alias("shipinator.job-outcome"), Immutable]
public sealed record JobOutcome([property: Id(0)] Status Status, [property: Id(1)] Reason? Reason, [property: Id(2)] string? Detail);

/// <summary>Owns one attempt of a step; the only grain that talks to an <see cref="IExecutor"/>.</summary>
[Alias("shipinator.execution")]
public interface IExecutionGrain : IGrainWithGuidKey
{
    /// <summary>Starts the execution: it waits for a slot, is submitted, and is watched until its end. Idempotent.</summary>
    [Alias("start")]
    Task<ExecutionOutcome> Start(StartExecution command, CancellationToken cancellationToken = default);

    /// <summary>Requests a cancel; once confirmed, the execution ends with the request's reason (<c>failed</c> for a timeout).</summary>
    [Alias("cancel")]
    Task<ExecutionOutcome> Cancel(CancelRequest request, CancellationToken cancellationToken = default);

    /// <summary>Queries its executor and does what is due.</summary>
    [Alias("touch")]
    Task<ExecutionOutcome> Touch(CancellationToken cancellationToken = default);

    /// <summary>Releases the worker of the job attempt that this execution ran in. Idempotent.</summary>
    [Alias("release-worker")]
    Task ReleaseWorker(CancellationToken cancellationToken = default);

    /// <summary>
    /// A runner claims the execution and waits up to <paramref name="wait"/> for it. Only the first runner gets it; the same one gets the
    /// same result again; any other one is refused with <see cref="ConflictException"/> <c>claimed</c>.
    /// </summary>
    [Alias("claim"), AlwaysInterleave]
    Task<ClaimResult> Claim(string runner, TimeSpan wait, CancellationToken cancellationToken = default);

    /// <summary>
    /// The runner's callback (§4.3). Idempotent. Errors: <see cref="AlreadyEndedException"/> when it ended with another status,
    /// <see cref="NotFoundException"/> when there is no such execution.
    /// </summary>
    [Alias("report")]
    Task Report(ExecutionReport report, CancellationToken cancellationToken = default);

    /// <summary>A heartbeat of the runner; log appends count as heartbeats. Returns whether the runner should stop.</summary>
    [Alias("heartbeat"), AlwaysInterleave]
    Task<HeartbeatResult> Heartbeat(string runner, CancellationToken cancellationToken = default);

    /// <summary><see cref="GetWaitReason"/> as text, for older silos.</summary>
    [Alias("waiting-for"), AlwaysInterleave]
    Task<string?> WaitingFor(CancellationToken cancellationToken = default);

    /// <summary>What it waits for; null when it does not wait.</summary>
    [Alias("wait-reason"), AlwaysInterleave]
    Task<WaitReason?> GetWaitReason(CancellationToken cancellationToken = default);

    /// <summary>The current row. Errors: <see cref="NotFoundException"/>.</summary>
    [Alias("get"), AlwaysInterleave]
    Task<ExecutionRecord> Get(CancellationToken cancellationToken = default);

    /// <summary>Hint: it got a slot.</summary>
    [Alias("admitted"), OneWay]
    Task Admitted();

    /// <summary>Hint: its step was skipped; runners that wait for it may exit.</summary>
    [Alias("not-needed"), OneWay]
    Task NotNeeded();

    /// <summary>Hint: the executor saw a change and should be queried.</summary>
    [Alias("executor-changed"), OneWay]
    Task ExecutorChanged();
}

/// <summary>The input of a new execution.</summary>
[GenerateSerializer, Alias("shipinator.start-execution"), Immutable]
public sealed record StartExecution(
    [property: Id(0)] ExecutionSpec Spec,
    [property: Id(1)] string Executor,
    [property: Id(2)] bool IsDeploy
);

/// <summary>The state of an execution, for its job.</summary>
[GenerateSerializer, Alias("shipinator.execution-outcome"), Immutable]
public sealed record ExecutionOutcome(
    [property: Id(0)] Status Status,
    [property: Id(1)] Reason? Reason,
    [property: Id(2)] string? Detail,
    [property: Id(3)] int? ExitCode
);

/// <summary>The kinds of responses to a claim.</summary>
[GenerateSerializer, Alias("shipinator.claim-kind")]
public enum ClaimKind
{
    /// <summary>Not available yet: claim again (204).</summary>
    NotYet = 0,

    /// <summary>The execution was claimed (200).</summary>
    Work = 1,

    /// <summary>The runner is not needed: the execution is skipped, canceled or terminal (410).</summary>
    NotNeeded = 2,
}

/// <summary>
/// The result of a claim; with the spec and the resolved inputs only for <see cref="ClaimKind.Work"/>. <paramref name="MayClone"/>: this
/// claim prepares the workspace, and nothing of the job can have run before it; only then may the response contain the clone credential.
/// </summary>
[GenerateSerializer, Alias("shipinator.claim-result"), Immutable]
public sealed record ClaimResult(
    [property: Id(0)] ClaimKind Kind,
    [property: Id(1)] ExecutionSpec? Spec,
    [property: Id(2)] ImmutableArray<ResolvedInput> Inputs,
    [property: Id(3)] bool MayClone = false,
    [property: Id(4)] string? ExecutorType = null
);

/// <summary>An artifact for a step, and its target folder below the workspace.</summary>
[GenerateSerializer, Alias("shipinator.resolved-input"), Immutable]
public sealed record ResolvedInput([property: Id(0)] ArtifactEntry Artifact, [property: Id(1)] string Path)
{
    /// <summary>
    /// The file's path below the workspace; absent for plans of older versions: the file's name in <see cref="Path"/>.
    /// </summary>
    [Id(11)]
    public string? Target { get; init; }
}

/// <summary>A runner's report of the end.</summary>
[GenerateSerializer, Alias("shipinator.execution-report"), Immutable]
public sealed record ExecutionReport
{
    /// <summary>
    /// <see cref="Status.Success"/>, <see cref="Status.Failed"/>, or <see cref="Status.Canceled"/> after a cancel was requested.
    /// </summary>
    [Id(0)]
    public required Status Status { get; init; }

    /// <summary>The command's exit code.</summary>
    [Id(1)]
    public int? ExitCode { get; init; }

    /// <summary>The URI of the log, when it is stored elsewhere.</summary>
    [Id(2)]
    public string? LogsUri { get; init; }

    /// <summary>The uploaded artifacts; each must exist.</summary>
    [Id(3)]
    public ImmutableArray<ArtifactId> Artifacts { get; init; } = [];

    /// <summary>Why it failed; absent with a non-zero exit code: <see cref="Shipinator.Reason.ExitCode"/>.</summary>
    [Id(4)]
    public Reason? Reason { get; init; }

    [Id(5)]
    public string? Detail { get; init; }
}

/// <summary>
/// The result of a heartbeat: whether to stop, and the grace period. <paramref name="IsIdle"/>: no runner has claimed the execution yet,
/// or it has ended; nothing can be added to it.
/// </summary>
[GenerateSerializer, Alias("shipinator.heartbeat-result"), Immutable]
public sealed record HeartbeatResult(
    [property: Id(0)] bool Cancel,
    [property: Id(1)] TimeSpan Grace,
    [property: Id(2)] bool IsIdle = false
);
