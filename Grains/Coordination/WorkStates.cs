namespace Shipinator.Grains.Coordination;

/// <summary>Classifies states that are not terminal.</summary>
internal static class WorkStates
{
    /// <summary>
    /// What must be driven by its own grain, and is therefore touched after a crash. A pending job is started by its run.
    /// </summary>
    public static IReadOnlyList<MachineStates> Driven { get; } =
    [
        new(Machine.Run, [Status.Pending, Status.Running]),
        new(Machine.Job, [Status.Running]),
        new(Machine.Execution, [Status.Pending, Status.Submitted, Status.Running]),
    ];

    /// <summary>An execution holds a slot of its executor from the moment when it is submitted until it is terminal.</summary>
    public static IReadOnlyCollection<Status> HoldingASlot { get; } = [Status.Submitted, Status.Running];
}
