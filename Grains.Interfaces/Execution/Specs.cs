using System.Collections.Immutable;

namespace Shipinator;

/// <summary>What to check out.</summary>
[GenerateSerializer, Alias("shipinator.source-spec"), Immutable]
public sealed record SourceSpec
{
    /// <summary>A URL or an absolute local path that Git can clone; never with a credential in it.</summary>
    [Id(0)]
    public required string CloneUrl { get; init; }

    /// <summary>The full ref that contained the commit when the run was made.</summary>
    [Id(1)]
    public required string Ref { get; init; }

    /// <summary>The exact commit.</summary>
    [Id(2)]
    public required string Commit { get; init; }

    /// <summary>How to check it out; absent: the defaults.</summary>
    [Id(3)]
    public ClonePlan? CloneOptions { get; init; }
}

/// <summary>Everything that a job needs to know, for as long as it lives: kept in its row.</summary>
[GenerateSerializer, Alias("shipinator.job-spec"), Immutable]
public sealed record JobSpec
{
    /// <summary>The run.</summary>
    [Id(0)]
    public required RunId RunId { get; init; }

    /// <summary>The project.</summary>
    [Id(1)]
    public required ProjectId ProjectId { get; init; }

    /// <summary>The repository.</summary>
    [Id(2)]
    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The run's number in its repository.</summary>
    [Id(3)]
    public required long RunNumber { get; init; }

    /// <summary>The project's name.</summary>
    [Id(4)]
    public required string ProjectName { get; init; }

    /// <summary>The repository's name: the last part of its clone URL without <c>.git</c>.</summary>
    [Id(5)]
    public required string RepositoryName { get; init; }

    /// <summary>What to check out.</summary>
    [Id(6)]
    public required SourceSpec Source { get; init; }

    /// <summary>What asked for the run, without the list of changed files.</summary>
    [Id(7)]
    public required TriggerFacts Trigger { get; init; }

    /// <summary>Which executor runs the job: <c>process</c>, <c>kubernetes</c>.</summary>
    [Id(8)]
    public required string Executor { get; init; }

    /// <summary>The job's part of the plan.</summary>
    [Id(9)]
    public required JobPlan Plan { get; init; }
}

/// <summary>
/// What an executor is asked to run: the specification's fields (image, command, env, artifacts, timeout) and what names
/// the execution and the worker that it runs in.
/// </summary>
[GenerateSerializer, Alias("shipinator.execution-spec"), Immutable]
public sealed record ExecutionSpec
{
    /// <summary>The execution.</summary>
    [Id(0)]
    public required ExecutionId ExecutionId { get; init; }

    /// <summary>Its step.</summary>
    [Id(1)]
    public required StepId StepId { get; init; }

    /// <summary>1 for a step's first execution, then one more each time.</summary>
    [Id(2)]
    public required int Attempt { get; init; }

    /// <summary>The container image.</summary>
    [Id(3)]
    public required string Image { get; init; }

    /// <summary>A program and its arguments, run without a shell; empty when <see cref="Script"/> is set.</summary>
    [Id(4)]
    public ImmutableArray<string> Command { get; init; } = [];

    /// <summary>A script for the image's shell, run with <c>-e</c>.</summary>
    [Id(5)]
    public string? Script { get; init; }

    /// <summary>The whole environment beyond the image's own: the user's variables and the built-in ones. No secrets.</summary>
    [Id(6)]
    public required ImmutableSortedDictionary<string, string> Env { get; init; }

    /// <summary>What the step must leave behind.</summary>
    [Id(7)]
    public ImmutableArray<ArtifactSpec> Artifacts { get; init; } = [];

    /// <summary>From running to the end.</summary>
    [Id(8)]
    public required TimeSpan Timeout { get; init; }

    /// <summary>Names of secrets to be given at the claim; their values are never stored with the execution.</summary>
    [Id(9)]
    public ImmutableArray<string> Secrets { get; init; } = [];

    /// <summary>What the step is given of earlier jobs, resolved at the claim.</summary>
    [Id(10)]
    public ImmutableArray<InputSpec> Inputs { get; init; } = [];

    /// <summary>Relative to the workspace.</summary>
    [Id(11)]
    public string? Workdir { get; init; }

    /// <summary>What is kept between runs.</summary>
    [Id(12)]
    public CachePlan? Cache { get; init; }

    /// <summary>The step's name.</summary>
    [Id(13)]
    public required string StepName { get; init; }

    /// <summary>The job's worker, in which this execution runs: the same for every execution of a job attempt.</summary>
    [Id(14)]
    public required WorkerSpec Worker { get; init; }

    /// <summary>
    /// Something ran in the worker before: its files may be needed, so a worker that is gone is lost, and never made again empty.
    /// </summary>
    [Id(15)]
    public bool JoinsWorker { get; init; }

    /// <summary>
    /// The program that runs <see cref="Script"/>, with its arguments; the script's path follows them. Empty: the program that the
    /// script's first line names (<c>#!</c>), else <c>/bin/sh -e</c>.
    /// </summary>
    [Id(40)]
    public ImmutableArray<string> Shell { get; init; } = [];

    /// <summary>As <see cref="StepPlan.EnvExpressions"/>.</summary>
    [Id(25)]
    public ImmutableSortedDictionary<string, string>? EnvExpressions { get; init; }

    /// <summary>As <see cref="StepPlan.CommandExpressions"/>.</summary>
    [Id(26)]
    public ImmutableArray<string>? CommandExpressions { get; init; }

    /// <summary>The steps of this attempt that ended before this one began, in the file's order: what they left for later steps counts in this order.</summary>
    [Id(27)]
    public ImmutableArray<EarlierStep>? Earlier { get; init; }
}

/// <summary>A step whose variables and outputs a later one of the same job attempt may see.</summary>
/// <param name="StepName">The step.</param>
/// <param name="ExecutionId">Its last execution: what a failed try left is forgotten when another follows.</param>
/// <param name="GivesVariables">
/// Whether its variables become the later step's by themselves. Not when that step has a secret that this one had not: whoever
/// chooses <c>PATH</c> or a proxy for a command chooses what becomes of its secrets.
/// </param>
[GenerateSerializer, Alias("shipinator.earlier-step"), Immutable]
public sealed record EarlierStep(
    [property: Id(0)] string StepName,
    [property: Id(1)] ExecutionId ExecutionId,
    [property: Id(2)] bool GivesVariables
);

/// <summary>One attempt of a job: a workspace, and what runs in it. An executor starts it at the first execution's submit.</summary>
[GenerateSerializer, Alias("shipinator.worker-spec"), Immutable]
public sealed record WorkerSpec
{
    /// <summary>The project.</summary>
    [Id(0)]
    public required ProjectId ProjectId { get; init; }

    /// <summary>The repository: part of every cache key.</summary>
    [Id(1)]
    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The run.</summary>
    [Id(2)]
    public required RunId RunId { get; init; }

    /// <summary>The job.</summary>
    [Id(3)]
    public required JobId JobId { get; init; }

    /// <summary>1 for the job's first attempt: each has a workspace of its own.</summary>
    [Id(4)]
    public required int Attempt { get; init; }

    /// <summary>What to check out; absent: the workspace starts empty.</summary>
    [Id(5)]
    public SourceSpec? Source { get; init; }

    /// <summary>All steps of the job, each with the id of its first execution in this attempt.</summary>
    [Id(6)]
    public required ImmutableArray<WorkerStep> Steps { get; init; }

    /// <summary>What runs beside the steps until they end.</summary>
    [Id(7)]
    public ImmutableSortedDictionary<string, ServicePlan> Services { get; init; } = ImmutableSortedDictionary<string, ServicePlan>.Empty;

    /// <summary>The job's own limit.</summary>
    [Id(8)]
    public required TimeSpan Timeout { get; init; }

    /// <summary>The name by which the platform knows the worker: derived from job and attempt, so that asking twice makes one.</summary>
    public string ExternalName => $"ship-{JobId.Value:N}-{Attempt}";
}

/// <summary>One step of a worker.</summary>
[GenerateSerializer, Alias("shipinator.worker-step"), Immutable]
public sealed record WorkerStep(
    [property: Id(0)] StepId StepId,
    [property: Id(1)] ExecutionId FirstExecutionId,
    [property: Id(2)] string Name,
    [property: Id(3)] string Image,
    [property: Id(4)] ResourcesPlan? Resources,
    [property: Id(5)] int Order = 0,
    [property: Id(6)] bool UsesCache = false
);

/// <summary>Names a submitted execution to its executor; all that a restarted control plane needs to ask about it.</summary>
[GenerateSerializer, Alias("shipinator.execution-handle"), Immutable]
public sealed record ExecutionHandle(
    [property: Id(0)] string ExecutorType,
    [property: Id(1)] string ExternalId,
    [property: Id(2)] ExecutionId ExecutionId,
    [property: Id(3)] JobId JobId,
    [property: Id(4)] int WorkerAttempt,
    [property: Id(5)] StepId StepId
);

/// <summary>What an executor knows of an execution.</summary>
[GenerateSerializer, Alias("shipinator.execution-status"), Immutable]
public sealed record ExecutionStatus
{
    /// <summary>
    /// <see cref="Status.Submitted"/>, <see cref="Status.Running"/>, or how it ended. A vanished one is
    /// <see cref="Status.Failed"/> with <see cref="Shipinator.Reason.Lost"/>, never success.
    /// </summary>
    [Id(0)]
    public required Status Status { get; init; }

    /// <summary>The command's exit code, when it ended by one.</summary>
    [Id(1)]
    public int? ExitCode { get; init; }

    /// <summary>Why it failed.</summary>
    [Id(2)]
    public Reason? Reason { get; init; }

    /// <summary>The human sentence for <see cref="Reason"/>.</summary>
    [Id(3)]
    public string? Detail { get; init; }

    /// <summary>
    /// For a terminal status: whether anything of it may still be running. A cancel is confirmed only when this is false.
    /// </summary>
    [Id(5)]
    public bool StillPresent { get; init; }

    /// <summary>Whether the runner itself left it as its result: then <see cref="ExitCode"/> is the command's, and never the runner's own.</summary>
    [Id(6)]
    public bool IsFromRunner { get; init; }

    /// <summary>What it waits for, while it is not running: a node, an image. Never stored, and never sent between silos.</summary>
    [Id(7)]
    public WaitReason? WaitingFor { get; init; }
}
