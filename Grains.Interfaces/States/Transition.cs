namespace Shipinator;

/// <summary>
/// One entry of the history: what changed, from which state to which, when, why and by whom. Written together with the row that it
/// explains.
/// </summary>
[GenerateSerializer, Alias("shipinator.transition"), Immutable]
public sealed record Transition
{
    [Id(0)]
    public required Machine Machine { get; init; }

    /// <summary>The UUID of the run, job, step or execution.</summary>
    [Id(1)]
    public required Guid EntityId { get; init; }

    /// <summary>The run that it belongs to, so that a run's whole history is one range of the table.</summary>
    [Id(2)]
    public required RunId RunId { get; init; }

    /// <summary>From 1, the creation: unique per entity.</summary>
    [Id(3)]
    public required int Sequence { get; init; }

    [Id(4)]
    public required DateTimeOffset At { get; init; }

    /// <summary>Absent for the creation.</summary>
    [Id(5)]
    public Status? From { get; init; }

    [Id(6)]
    public required Status To { get; init; }

    [Id(7)]
    public Reason? Reason { get; init; }

    [Id(8)]
    public string? Detail { get; init; }

    /// <summary>Who caused it: <c>system</c>, <c>runner</c>, or <c>token:NAME</c>.</summary>
    [Id(9)]
    public required string Actor { get; init; }

    /// <summary>
    /// The transition from <paramref name="before"/> (null: creation) to <paramref name="after"/>; null when nothing changed.
    /// </summary>
    public static Transition? Between(Lifecycle? before, Lifecycle after, Guid entityId, RunId runId, string actor)
    {
        ArgumentNullException.ThrowIfNull(after);
        if (before?.Sequence == after.Sequence)
        {
            return null;
        }

        return new()
        {
            Machine = after.Machine,
            EntityId = entityId,
            RunId = runId,
            Sequence = after.Sequence,
            At = after.ChangedAt,
            From = before?.Status,
            To = after.Status,
            Reason = after.Reason,
            Detail = after.Detail,
            Actor = actor,
        };
    }
}
