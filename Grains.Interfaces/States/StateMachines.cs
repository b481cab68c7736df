using System.Collections.Frozen;

namespace Shipinator;

/// <summary>
/// The allowed transitions of each machine, as data. A transition to the same state has no effect; <see cref="Lifecycle.MoveTo"/> refuses
/// any other that is not listed here.
/// </summary>
public static class StateMachines
{
    private static readonly FrozenSet<(Status, Status)> RunTable = new[]
    {
        (Status.Pending, Status.Running),
        (Status.Pending, Status.Failed),
        (Status.Pending, Status.Canceled),
        (Status.Running, Status.Success),
        (Status.Running, Status.Failed),
        (Status.Running, Status.Canceled),
    }.ToFrozenSet();

    private static readonly FrozenSet<(Status, Status)> JobAndStepTable = RunTable.Append((Status.Pending, Status.Skipped)).ToFrozenSet();

    private static readonly FrozenSet<(Status, Status)> ExecutionTable = new[]
    {
        (Status.Pending, Status.Submitted),
        (Status.Pending, Status.Failed),
        (Status.Pending, Status.Canceled),
        (Status.Submitted, Status.Running),
        // A step may end before it was seen running.
        (Status.Submitted, Status.Success),
        (Status.Submitted, Status.Failed),
        (Status.Submitted, Status.Canceled),
        (Status.Running, Status.Success),
        (Status.Running, Status.Failed),
        (Status.Running, Status.Canceled),
    }.ToFrozenSet();

    /// <summary>The table of a machine: pairs of (from, to).</summary>
    public static FrozenSet<(Status From, Status To)> Table(Machine machine) =>
        machine switch
        {
            Machine.Run => RunTable,
            Machine.Job or Machine.Step => JobAndStepTable,
            Machine.Execution => ExecutionTable,
            _ => throw new ArgumentOutOfRangeException(nameof(machine), machine, "Unknown machine."),
        };

    /// <summary>Whether the machine may change from one state to another, different one.</summary>
    public static bool Allows(Machine machine, Status from, Status to) => Table(machine).Contains((from, to));

    /// <summary>Whether no transition can follow this state.</summary>
    public static bool IsTerminal(this Status status) => status is Status.Success or Status.Failed or Status.Canceled or Status.Skipped;
}
