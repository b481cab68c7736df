namespace Shipinator;

/// <summary>One line of the history: what moved, from where to where, when, why and by whom. Appended with the row it explains.</summary>
[GenerateSerializer, Alias("shipinator.transition"), Immutable]
public sealed record Transition
{
    /// <summary>Which machine moved.</summary>
    [Id(0)]
    public required Machine Machine { get; init; }

    /// <summary>The UUID of the run, job, step or execution.</summary>
    [Id(1)]
    public required Guid EntityId { get; init; }

    /// <summary>The run that it belongs to, so that a run's whole history is one range.</summary>
    [Id(2)]
    public required RunId RunId { get; init; }

    /// <summary>1 for the creation, then one more each time: unique per entity.</summary>
    [Id(3)]
    public required int Sequence { get; init; }

    /// <summary>When.</summary>
    [Id(4)]
    public required DateTimeOffset At { get; init; }

    /// <summary>Absent for the creation.</summary>
    [Id(5)]
    public Status? From { get; init; }

    /// <summary>The new state.</summary>
    [Id(6)]
    public required Status To { get; init; }

    /// <summary>Why, where that needs saying.</summary>
    [Id(7)]
    public Reason? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    [Id(8)]
    public string? Detail { get; init; }

    /// <summary>Who made it happen: <c>system</c>, <c>runner</c>, or <c>token:NAME</c>.</summary>
    [Id(9)]
    public required string Actor { get; init; }

    /// <summary>The transition that leads from <paramref name="before"/> (absent: creation) to <paramref name="after"/>; null when nothing moved.</summary>
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
