namespace Shipinator;

/// <summary>A requested cancel; it takes effect when the executor confirms that nothing is running.</summary>
[GenerateSerializer, Alias("shipinator.cancel-request"), Immutable]
public sealed record CancelRequest(
    [property: Id(0)] DateTimeOffset RequestedAt,
    [property: Id(1)] Reason Reason,
    [property: Id(2)] string Detail,
    [property: Id(3)] string Actor
);
