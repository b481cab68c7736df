using System.Collections.Immutable;

namespace Shipinator;

/// <summary>What to check out.</summary>
[GenerateSerializer, Alias("shipinator.source-spec"), Immutable]
public sealed record SourceSpec
{
    /// <summary>A URL or an absolute local path that Git can clone; never with a credential.</summary>
    [Id(0)]
    public required string CloneUrl { get; init; }

    /// <summary>The full ref that contained the commit when the run was created.</summary>
    [Id(1)]
    public required string Ref { get; init; }

    /// <summary>The exact commit.</summary>
    [Id(2)]
    public required string Commit { get; init; }

    /// <summary>How to check it out; absent: the defaults.</summary>
    [Id(3)]
    public ClonePlan? CloneOptions { get; init; }
}

/// <summary>The immutable input of a job, stored in its row.</summary>
[GenerateSerializer, Alias("shipinator.job-spec"), Immutable]
public sealed record JobSpec
{
    [Id(0)]
    public required RunId RunId { get; init; }

    [Id(1)]
    public required ProjectId ProjectId { get; init; }

    [Id(2)]
    public required RepositoryId RepositoryId { get; init; }

    /// <summary>The run's number in its repository.</summary>
    [Id(3)]
    public required long RunNumber { get; init; }

    [Id(4)]
    public required string ProjectName { get; init; }

    /// <summary>The repository's name: the last part of its clone URL without <c>.git</c>.</summary>
    [Id(5)]
    public required string RepositoryName { get; init; }

    /// <summary>What to check out.</summary>
    [Id(6)]
    public required SourceSpec Source { get; init; }

    /// <summary>What triggered the run, without the list of changed files.</summary>
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
/// What an executor is to run: the specification's fields (image, command, env, artifacts, timeout), the ids of the execution, and the
/// worker that it runs in.
/// </summary>
[GenerateSerializer, Alias("shipinator.execution-spec"), Immutable]
public sealed record ExecutionSpec
{
    [Id(0)]
    public required ExecutionId ExecutionId { get; init; }

    [Id(1)]
    public required StepId StepId { get; init; }

    /// <summary>The attempt of the step, from 1.</summary>
    [Id(2)]
    public required int Attempt { get; init; }

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

    /// <summary>The step's declared outputs.</summary>
    [Id(7)]
    public ImmutableArray<ArtifactSpec> Artifacts { get; init; } = [];

    /// <summary>The limit of the time from running to the end.</summary>
    [Id(8)]
    public required TimeSpan Timeout { get; init; }

    /// <summary>
    /// Names of secrets whose values are part of the response to the claim; the values are never stored with the execution.
    /// </summary>
    [Id(9)]
    public ImmutableArray<string> Secrets { get; init; } = [];

    /// <summary>The step's inputs, resolved at the claim.</summary>
    [Id(10)]
    public ImmutableArray<InputSpec> Inputs { get; init; } = [];

    /// <summary>Relative to the workspace.</summary>
    [Id(11)]
    public string? Workdir { get; init; }

    /// <summary>What is kept between runs.</summary>
    [Id(12)]
    public CachePlan? Cache { get; init; }

    [Id(13)]
    public required string StepName { get; init; }

    /// <summary>The job's worker, in which this execution runs: the same for every execution of a job attempt.</summary>
    [Id(14)]
    public required WorkerSpec Worker { get; init; }

    /// <summary>
    /// Whether something ran in the worker before: its files may be needed, so a worker that is gone is lost and never created again.
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

    /// <summary>
    /// The steps of this attempt that ended before this one began, in the order in which what they left for later steps is applied.
    /// </summary>
    [Id(27)]
    public ImmutableArray<EarlierStep>? Earlier { get; init; }
}

/// <summary>A step whose variables and outputs a later one of the same job attempt may see.</summary>
/// <param name="StepName">The step.</param>
/// <param name="ExecutionId">Its last execution: what a failed attempt left is discarded when another follows.</param>
/// <param name="GivesVariables">
/// Whether the later step gets its variables without naming them. Not when that step has a secret that this one did not have: a step that
/// sets <c>PATH</c> or a proxy for a command decides what happens to its secrets.
/// </param>
[GenerateSerializer, Alias("shipinator.earlier-step"), Immutable]
public sealed record EarlierStep(
    [property: Id(0)] string StepName,
    [property: Id(1)] ExecutionId ExecutionId,
    [property: Id(2)] bool GivesVariables
);

/// <summary>One attempt of a job: a workspace and what runs in it. An executor creates it when the first execution is submitted.</summary>
[GenerateSerializer, Alias("shipinator.worker-spec"), Immutable]
public sealed record WorkerSpec
{
    [Id(0)]
    public required ProjectId ProjectId { get; init; }

    /// <summary>The repository: part of every cache key.</summary>
    [Id(1)]
    public required RepositoryId RepositoryId { get; init; }

    [Id(2)]
    public required RunId RunId { get; init; }

    [Id(3)]
    public required JobId JobId { get; init; }

    /// <summary>The job attempt, from 1. Each attempt has its own workspace.</summary>
    [Id(4)]
    public required int Attempt { get; init; }

    /// <summary>What to check out; absent: the workspace starts empty.</summary>
    [Id(5)]
    public SourceSpec? Source { get; init; }

    /// <summary>All steps of the job, each with the id of its first execution in this attempt.</summary>
    [Id(6)]
    public required ImmutableArray<WorkerStep> Steps { get; init; }

    /// <summary>The job's services, by name.</summary>
    [Id(7)]
    public ImmutableSortedDictionary<string, ServicePlan> Services { get; init; } = ImmutableSortedDictionary<string, ServicePlan>.Empty;

    /// <summary>The job's timeout.</summary>
    [Id(8)]
    public required TimeSpan Timeout { get; init; }

    /// <summary>The worker's name on the platform: <see cref="WorkerName"/>.</summary>
    public string ExternalName => WorkerName.Of(JobId, Attempt);
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

/// <summary>The status of an execution as its executor sees it.</summary>
[GenerateSerializer, Alias("shipinator.execution-status"), Immutable]
public sealed record ExecutionStatus
{
    /// <summary>
    /// <see cref="Status.Submitted"/>, <see cref="Status.Running"/>, or a terminal status. An execution that disappeared is
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

    /// <summary>The detail for <see cref="Reason"/>.</summary>
    [Id(3)]
    public string? Detail { get; init; }

    /// <summary>
    /// For a terminal status: whether anything of it may still be running. A cancel is confirmed only when this is false.
    /// </summary>
    [Id(5)]
    public bool StillPresent { get; init; }

    /// <summary>
    /// Whether it is the result that the runner itself wrote: then <see cref="ExitCode"/> is the command's, never the runner's own.
    /// </summary>
    [Id(6)]
    public bool IsFromRunner { get; init; }

    /// <summary>What it waits for, while it is not running: a node, an image. Never stored, and never sent between silos.</summary>
    [Id(7)]
    public WaitReason? WaitingFor { get; init; }
}
