using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>What came of a webhook delivery. JSON, SQL and the API use the names in snake_case.</summary>
[JsonConverter(typeof(DeliveryOutcomeJsonConverter))]
public enum DeliveryOutcome
{
    /// <summary>A run was created; it may have failed because of errors in the pipeline file.</summary>
    RunCreated = 0,

    /// <summary>An earlier run of the same commit with an equal plan counts for this event, too.</summary>
    RunShared = 1,

    /// <summary>The <c>on</c> of the pipeline file excludes the event; the detail says which rule.</summary>
    Filtered = 2,

    /// <summary>The commit message or the title asks for no run (<c>[ci skip]</c>).</summary>
    Skipped = 3,

    /// <summary>The commit has no pipeline file.</summary>
    NoPipelineFile = 4,

    /// <summary>An event that never starts or cancels a run.</summary>
    Ignored = 5,

    /// <summary>The forge checks the webhook.</summary>
    Ping = 6,

    /// <summary>An earlier delivery of the same ref reported the same.</summary>
    Duplicate = 7,

    /// <summary>The branch or tag was deleted.</summary>
    RefDeleted = 8,

    /// <summary>The pull request was closed or merged.</summary>
    PullRequestClosed = 9,

    /// <summary>It can't be processed; the detail says why and what to do.</summary>
    Error = 10,

    /// <summary>It was retried for days without success.</summary>
    GaveUp = 11,
}

/// <summary>Serializes outcomes as their words.</summary>
public sealed class DeliveryOutcomeJsonConverter : WordJsonConverter<DeliveryOutcome>;

/// <summary>The words of the outcomes.</summary>
public static class DeliveryOutcomes
{
    private static readonly System.Collections.Frozen.FrozenDictionary<string, DeliveryOutcome> Known = Words.Table<DeliveryOutcome>();

    /// <summary>The word of an outcome: <c>run_created</c>, <c>filtered</c>, …</summary>
    public static string Word(this DeliveryOutcome outcome) => Words.Snake(outcome.ToString());

    /// <summary>Reads an outcome's word; one of a newer version is an <see cref="DeliveryOutcome.Error"/>.</summary>
    public static DeliveryOutcome Parse(string word) => Known.GetValueOrDefault(word, DeliveryOutcome.Error);
}

/// <summary>A delivery that waits for its processing.</summary>
public sealed record QueuedDelivery
{
    public required DeliveryId Id { get; init; }

    public required RepositoryId Repository { get; init; }

    /// <summary>What it reports.</summary>
    public required ForgeEvent Event { get; init; }

    /// <summary>Since when it waits: when it was received, or when a person had it processed again.</summary>
    public required DateTimeOffset QueuedAt { get; init; }

    /// <summary>When the next attempt is due.</summary>
    public required DateTimeOffset NextAttemptAt { get; init; }

    /// <summary>The attempts so far.</summary>
    public required int Attempts { get; init; }

    /// <summary>How many times a person had it processed again.</summary>
    public int Round { get; init; }

    /// <summary>Who had it processed again; null when nobody did.</summary>
    public string? RequestedBy { get; init; }

    /// <summary>The id and number that an earlier attempt has reserved for the run.</summary>
    public RunReservation? Reserved { get; init; }
}

/// <summary>The outcome of a delivery.</summary>
public sealed record DeliveryResult(DeliveryOutcome Outcome, string? Detail = null)
{
    /// <summary>The run, for <see cref="DeliveryOutcome.RunCreated"/> and <see cref="DeliveryOutcome.RunShared"/>.</summary>
    public RunId? Run { get; init; }

    /// <summary>The errors of the pipeline file; the run has failed.</summary>
    public ImmutableArray<FileError> FileErrors { get; init; } = [];

    /// <summary><c>push</c> or <c>pr</c>: which pipeline the event is for; null when it is for none.</summary>
    public string? TriggerType { get; init; }

    /// <summary>The commit that the event is about.</summary>
    public string? Commit { get; init; }
}

/// <summary>What an attempt led to: a result, or the reason for another attempt.</summary>
public sealed record DeliveryAttempt
{
    /// <summary>The final outcome; null when the attempt failed and another one may succeed.</summary>
    public DeliveryResult? Result { get; init; }

    /// <summary>Why it failed, as a sentence.</summary>
    public string? Failure { get; init; }

    /// <summary>The delay that the forge or a limit asks for; null: none.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>A final outcome.</summary>
    public static DeliveryAttempt Of(DeliveryResult result) => new() { Result = result };
}

/// <summary>The queue of received deliveries. Errors of every method: <see cref="StorageUnavailableException"/>.</summary>
public interface IWaitingDeliveries
{
    /// <summary>
    /// The delivery to process next, or the one that is due first: the oldest, except that one that failed often holds back only
    /// deliveries of its own ref. Null when the queue is empty.
    /// </summary>
    Task<QueuedDelivery?> Next(RepositoryId repository, CancellationToken cancellationToken);

    /// <summary>
    /// Records that an attempt begins, and when the next one is due if this one ends with the process. False when another attempt has
    /// begun, or the delivery has its outcome.
    /// </summary>
    Task<bool> Begin(QueuedDelivery delivery, DateTimeOffset nextAttemptAt, CancellationToken cancellationToken);

    /// <summary>Records why an attempt failed, and when the next one is due.</summary>
    Task Postpone(DeliveryId delivery, string failure, DateTimeOffset nextAttemptAt, CancellationToken cancellationToken);

    /// <summary>Records the outcome. Without effect when there is one.</summary>
    Task Complete(DeliveryId delivery, DeliveryResult result, CancellationToken cancellationToken);

    /// <summary>The repositories with deliveries that are due.</summary>
    Task<IReadOnlyList<RepositoryId>> Due(CancellationToken cancellationToken);
}

/// <summary>Turns a delivery into its outcome.</summary>
public interface IDeliveryProcessing
{
    /// <summary>
    /// Idempotent: processing a delivery twice creates one run. Errors: only <see cref="OperationCanceledException"/>; everything else
    /// is in the result.
    /// </summary>
    Task<DeliveryAttempt> Process(QueuedDelivery delivery, CancellationToken cancellationToken);
}
