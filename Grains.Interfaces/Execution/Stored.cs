using System.Collections.Immutable;

namespace Shipinator;

/// <summary>
/// The persistent state of an FSM grain: its row, and the transitions that the next write appends in the same transaction. The grain clears
/// <see cref="Uncommitted"/> once a write is acknowledged.
/// </summary>
[GenerateSerializer, Alias("shipinator.stored`1")]
public sealed class Stored<T>
    where T : class
{
    /// <summary>The row; null before the first write.</summary>
    [Id(0)]
    public T? Row { get; set; }

    /// <summary>Transitions not written yet, in order.</summary>
    [Id(1)]
    public ImmutableArray<Transition> Uncommitted { get; set; } = [];

    /// <summary>
    /// Whether cleanup follows this write, which makes the row terminal. The same transaction records that, and
    /// <see cref="IUnfinishedWork.List"/> lists the row until <see cref="IUnfinishedWork.Settled"/> is called.
    /// </summary>
    [Id(2)]
    public bool Unsettled { get; set; }

    /// <summary>For the first write of a run: the rows of its jobs, in the plan's order, which the same transaction adds.</summary>
    [Id(3)]
    public ImmutableArray<JobRecord> InitialJobs { get; set; } = [];
}
