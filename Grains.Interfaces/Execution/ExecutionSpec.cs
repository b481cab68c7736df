using System.Collections.Immutable;

namespace Shipinator;

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

    /// <summary>
    /// What the run is for, which decides about its secrets. Absent in executions that an older version created: not of a fork, and of no
    /// known event or branch.
    /// </summary>
    [Id(41)]
    public RunOrigin? Origin { get; init; }
}

/// <summary>The facts of a run that decide which secrets its steps get.</summary>
[GenerateSerializer, Alias("shipinator.run-origin"), Immutable]
public sealed record RunOrigin
{
    /// <summary><c>push</c>, <c>pr</c>, <c>manual</c> or <c>schedule</c>; empty when unknown.</summary>
    [Id(0)]
    public required string Event { get; init; }

    /// <summary>The branch (for a pull request: the target branch); absent for a tag.</summary>
    [Id(1)]
    public string? Branch { get; init; }

    /// <summary>Whether the commit is of a fork.</summary>
    [Id(2)]
    public bool IsFork { get; init; }

    /// <summary>That of a run.</summary>
    public static RunOrigin Of(TriggerFacts trigger)
    {
        ArgumentNullException.ThrowIfNull(trigger);
        return new()
        {
            Event = trigger.Event,
            Branch = trigger.Branch,
            IsFork = trigger.IsFork,
        };
    }
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
