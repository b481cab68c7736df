namespace Shipinator;

/// <summary>The HTTP request of a webhook, before anything of it is trusted.</summary>
/// <param name="Headers">All headers; names compare without case.</param>
/// <param name="ContentType">The media type without parameters, in lower case; null when absent.</param>
/// <param name="Body">The raw body: signatures are computed over it.</param>
public sealed record WebhookRequest(IReadOnlyDictionary<string, string> Headers, string? ContentType, ReadOnlyMemory<byte> Body);

/// <summary>A delivery that a forge has sent and signed.</summary>
/// <param name="DeliveryId">The forge's id of the delivery: the same for a redelivery. Null when it sends none.</param>
/// <param name="EventName">The forge's name of the event: <c>push</c>, <c>pull_request</c>.</param>
/// <param name="Event">What it reports.</param>
public sealed record WebhookDelivery(string? DeliveryId, string EventName, ForgeEvent Event);

/// <summary>A forge that sends webhooks. Pure: no request is made.</summary>
public interface IWebhookForge : IForge
{
    /// <summary>
    /// The order in which forges are asked whether they recognize a request; lower first. Gitea sends GitHub's headers, too, so it comes
    /// before GitHub.
    /// </summary>
    int RecognitionOrder { get; }

    /// <summary>Whether the headers are those of this forge.</summary>
    bool Recognizes(WebhookRequest request);

    /// <summary>
    /// Whether the request has the signature of one of the secrets, compared in constant time. False when the signature is missing, empty
    /// or malformed, and when there are no secrets.
    /// </summary>
    bool IsSigned(WebhookRequest request, IReadOnlyList<string> secrets);

    /// <summary>
    /// Reads a signed request. Errors: <see cref="InvalidInputException"/> <c>payload_malformed</c> when it is not valid JSON, or when a
    /// member that is needed is absent or too long.
    /// </summary>
    WebhookDelivery Parse(WebhookRequest request);
}

/// <summary>The state of a commit status.</summary>
public enum CommitState
{
    /// <summary>Not decided yet.</summary>
    Pending,

    /// <summary>Everything succeeded.</summary>
    Success,

    /// <summary>A step failed, or the run was canceled.</summary>
    Failure,

    /// <summary>The pipeline could not be run: an invalid file, an infrastructure failure.</summary>
    Error,
}

/// <summary>A status of a commit.</summary>
/// <param name="State">The state.</param>
/// <param name="Context">The stable name: <c>shipinator/push</c>. The newest status of a context counts.</param>
/// <param name="Description">One sentence; at most 140 characters.</param>
/// <param name="TargetUrl">The page of the run; null when there is none.</param>
public sealed record CommitStatus(CommitState State, string Context, string Description, Uri? TargetUrl);

/// <summary>A forge that shows statuses of commits.</summary>
public interface IStatusForge : IForge
{
    /// <summary>
    /// Posts a status. Errors: <see cref="ForgeRequestException"/>; its <see cref="ForgeRequestException.IsTransient"/> says whether the
    /// same call may succeed later.
    /// </summary>
    Task PostStatus(ForgeRepository repository, string commit, CommitStatus status, CancellationToken cancellationToken);
}

/// <summary>A forge that lists the files of a pull request.</summary>
public interface IPullRequestForge : IForge
{
    /// <summary>
    /// The paths that a pull request changes, all pages; null when the forge can't list all of them. Errors:
    /// <see cref="ForgeRequestException"/>.
    /// </summary>
    Task<IReadOnlyList<string>?> PullRequestFiles(ForgeRepository repository, int number, CancellationToken cancellationToken);
}

/// <summary>A right that Shipinator needs on a forge, and whether the credential has it.</summary>
/// <param name="Name">A stable word: <c>authenticate</c>, <c>read</c>, <c>statuses</c>, <c>hooks</c>.</param>
/// <param name="IsGranted">Whether the credential has it; null when the forge does not reveal it.</param>
/// <param name="Detail">What is missing and how to grant it on this forge; null when it is granted.</param>
public sealed record ForgeRight(string Name, bool? IsGranted, string? Detail);

/// <summary>Our webhook on a forge.</summary>
/// <param name="Id">The forge's id.</param>
/// <param name="IsActive">Whether the forge sends to it.</param>
/// <param name="Events">The events that it is registered for, in the forge's words.</param>
public sealed record ForgeHook(string Id, bool IsActive, IReadOnlyList<string> Events);

/// <summary>A forge whose webhooks can be managed. Errors of every method: <see cref="ForgeRequestException"/>.</summary>
public interface IHookForge : IWebhookForge
{
    /// <summary>What the repository's credential may do, one right after the other.</summary>
    Task<IReadOnlyList<ForgeRight>> CheckRights(ForgeRepository repository, CancellationToken cancellationToken);

    /// <summary>
    /// Creates our webhook, or makes an existing one with this URL current (secret, events, active). Idempotent: one hook afterwards.
    /// </summary>
    Task<ForgeHook> EnsureHook(ForgeRepository repository, Uri url, string secret, CancellationToken cancellationToken);

    /// <summary>Our webhook with this URL; null when there is none.</summary>
    Task<ForgeHook?> FindHook(ForgeRepository repository, Uri url, CancellationToken cancellationToken);

    /// <summary>Removes our webhooks with this URL. Idempotent.</summary>
    Task RemoveHook(ForgeRepository repository, Uri url, CancellationToken cancellationToken);

    /// <summary>Makes the forge send a test delivery to the hook.</summary>
    Task TestHook(ForgeRepository repository, ForgeHook hook, CancellationToken cancellationToken);
}

/// <summary>
/// The webhook forges by the headers of a request.
/// </summary>
public interface IWebhookForges
{
    /// <summary>The forge that the request is from; null when no forge recognizes it.</summary>
    IWebhookForge? Recognize(WebhookRequest request);
}

/// <summary>The credential of a repository: its own from the store, else the configured one for its clone URL.</summary>
public interface IRepositoryCredentials
{
    /// <summary>Null when there is none. A stored deploy key (SSH) is not a user name with a password and is not returned here.</summary>
    Task<GitCredential?> Find(RepositoryId repository, string cloneUrl, CancellationToken cancellationToken);
}

/// <summary>The secrets with which a repository's forge signs its webhooks.</summary>
public interface IWebhookSecrets
{
    /// <summary>The live secrets, newest first: two during a rotation, none before a webhook was set up.</summary>
    Task<IReadOnlyList<string>> Of(RepositoryId repository, CancellationToken cancellationToken);
}
