namespace Shipinator;

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
