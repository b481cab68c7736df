namespace Shipinator.Schema.Stores;

/// <summary>A delivery to store.</summary>
public sealed record NewDelivery
{
    public required RepositoryId Repository { get; init; }

    /// <summary>The forge's id of the delivery; null when it sends none.</summary>
    public string? ForgeDeliveryId { get; init; }

    /// <summary>The forge's name of the event.</summary>
    public required string EventName { get; init; }

    /// <summary>What it reports.</summary>
    public required ForgeEvent Event { get; init; }

    /// <summary>The branch, tag or pull request; null: the delivery is never a duplicate by its content.</summary>
    public string? RefKey { get; init; }

    /// <summary>What happened to it.</summary>
    public string? ContentKey { get; init; }

    /// <summary>Its outcome, when it is known without further processing.</summary>
    public DeliveryResult? Result { get; init; }
}

/// <summary>A delivery that was stored now or before.</summary>
/// <param name="Id">Its id.</param>
/// <param name="IsRepeat">Whether the forge has sent it before.</param>
/// <param name="IsWaiting">Whether it has to be processed.</param>
public sealed record StoredDelivery(DeliveryId Id, bool IsRepeat, bool IsWaiting);

/// <summary>A row of <c>webhook_deliveries</c>, as people see it.</summary>
public sealed record DeliveryRow
{
    public required DeliveryId Id { get; init; }

    public required RepositoryId RepositoryId { get; init; }

    /// <summary>Increases with each delivery.</summary>
    public required long Position { get; init; }

    public string? ForgeDeliveryId { get; init; }

    public required string EventName { get; init; }

    public required ForgeEvent Event { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    public required int Attempts { get; init; }

    /// <summary>Why the last attempt failed; null when it did not.</summary>
    public string? Failure { get; init; }

    public required DateTimeOffset NextAttemptAt { get; init; }

    /// <summary>Null while it waits.</summary>
    public DateTimeOffset? ProcessedAt { get; init; }

    /// <summary>Null while it waits.</summary>
    public DeliveryOutcome? Outcome { get; init; }

    public string? Detail { get; init; }

    /// <summary>The earlier delivery that reported the same.</summary>
    public DeliveryId? DuplicateOf { get; init; }

    /// <summary>Its runs, the latest last: one, unless a person had it processed again.</summary>
    public required IReadOnlyList<RunId> Runs { get; init; }

    public IReadOnlyList<FileError> FileErrors { get; init; } = [];

    /// <summary>Who had it processed again.</summary>
    public string? RequestedBy { get; init; }
}
