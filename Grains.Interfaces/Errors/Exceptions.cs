namespace Shipinator;

/// <summary>
/// The base class of exceptions that may cross a grain boundary: a stable code for programs, a message for users.
/// </summary>
[GenerateSerializer, Alias("shipinator.error")]
public class ShipinatorException : Exception
{
    public ShipinatorException(string code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>A stable, snake_case word: the last part of the API's problem <c>type</c>.</summary>
    [Id(0)]
    public string Code { get; }
}

/// <summary>The requested entity does not exist.</summary>
[GenerateSerializer, Alias("shipinator.not-found")]
public sealed class NotFoundException(string what, string id) : ShipinatorException("not_found", $"The {what} '{id}' does not exist.");

/// <summary>The request conflicts with the current state.</summary>
[GenerateSerializer, Alias("shipinator.conflict")]
public sealed class ConflictException(string code, string message) : ShipinatorException(code, message);

/// <summary>The input is invalid; the message names the value, its location and the fix.</summary>
[GenerateSerializer, Alias("shipinator.invalid")]
public sealed class InvalidInputException(string code, string message) : ShipinatorException(code, message);

/// <summary>A transition that the machine's table does not allow.</summary>
[GenerateSerializer, Alias("shipinator.transition-refused")]
public sealed class TransitionRefusedException(Machine machine, Status from, Status to)
    : ShipinatorException("transition_refused", $"A {machine.Word()} can't change from {from.Word()} to {to.Word()}.")
{
    [Id(0)]
    public Machine Machine { get; } = machine;

    [Id(1)]
    public Status From { get; } = from;

    [Id(2)]
    public Status To { get; } = to;
}

/// <summary>
/// A terminal status was reported for an execution that had already ended with another one (HTTP 409), which it carries.
/// </summary>
[GenerateSerializer, Alias("shipinator.already-ended")]
public sealed class AlreadyEndedException(ExecutionId id, Status status)
    : ShipinatorException("already_ended", $"Execution {id} has already ended with status {status.Word()}.")
{
    [Id(0)]
    public Status Status { get; } = status;
}

/// <summary>The database is unavailable; nothing was changed, and the same call may succeed later.</summary>
[GenerateSerializer, Alias("shipinator.storage-unavailable")]
public sealed class StorageUnavailableException(string message, Exception? inner = null)
    : ShipinatorException("storage_unavailable", message, inner);

/// <summary>The error of an <see cref="IExecutor"/>.</summary>
[GenerateSerializer, Alias("shipinator.executor-error")]
public sealed class ExecutorException : ShipinatorException
{
    private ExecutorException(string message, bool isTransient, Reason reason, Exception? inner, TimeSpan? retryAfter = null)
        : base(isTransient ? "executor_transient" : "executor_rejected", message, inner)
    {
        IsTransient = isTransient;
        Reason = reason;
        RetryAfter = retryAfter;
    }

    /// <summary>Whether the same call may succeed later without anything being changed.</summary>
    [Id(0)]
    public bool IsTransient { get; }

    /// <summary>The reason of the failed execution when this error is final.</summary>
    [Id(1)]
    public Reason Reason { get; }

    /// <summary>The delay that the platform asks for before the next call; null when it asks for none.</summary>
    [Id(2)]
    public TimeSpan? RetryAfter { get; }

    /// <summary>The same call may succeed later: the platform is throttling, unreachable or full.</summary>
    public static ExecutorException Transient(string message, Exception? inner = null, TimeSpan? retryAfter = null) =>
        new(message, isTransient: true, Reason.ExecutorError, inner, retryAfter);

    /// <summary>The same call will never succeed.</summary>
    public static ExecutorException Rejected(Reason reason, string message, Exception? inner = null) =>
        new(message, isTransient: false, reason, inner);
}

/// <summary>The error of an <see cref="IForge"/>.</summary>
[GenerateSerializer, Alias("shipinator.forge-error")]
public sealed class ForgeException(string code, string message, Exception? inner = null) : ShipinatorException(code, message, inner)
{
    /// <summary>The repository can't be reached, or its host denied access.</summary>
    public const string Unreachable = "forge_unreachable";

    /// <summary>The local path holds no Git repository.</summary>
    public const string RepositoryNotFound = "repository_not_found";

    /// <summary>The commit exists, but the ref does not contain it.</summary>
    public const string CommitNotInRef = "commit_not_in_ref";

    /// <summary>The clone URL is malformed, or names a host that this server may not connect to.</summary>
    public const string NotAllowed = "clone_url_refused";

    /// <summary>The name is both a branch and a tag, or several commits begin with the id.</summary>
    public const string RefAmbiguous = "ref_ambiguous";

    /// <summary>The ref or commit does not exist.</summary>
    public const string RefNotFound = "ref_not_found";

    /// <summary>The file does not exist at that commit.</summary>
    public const string FileNotFound = "file_not_found";

    /// <summary>The file is not UTF-8.</summary>
    public const string NotUtf8 = "file_not_utf8";
}

/// <summary>A request to a forge's API failed.</summary>
[GenerateSerializer, Alias("shipinator.forge-request-error")]
public sealed class ForgeRequestException(
    string code,
    string message,
    bool isTransient,
    int? status = null,
    TimeSpan? retryAfter = null,
    Exception? inner = null
) : ShipinatorException(code, message, inner)
{
    /// <summary>The forge can't be reached, or responds with 5xx.</summary>
    public const string Unavailable = "forge_unavailable";

    /// <summary>The credential is missing, invalid or revoked.</summary>
    public const string Unauthorized = "forge_unauthorized";

    /// <summary>The credential lacks a right; the message names it.</summary>
    public const string Forbidden = "forge_forbidden";

    /// <summary>The repository, commit or file does not exist, or the credential may not see it.</summary>
    public const string NotFound = "forge_not_found";

    /// <summary>The forge limits the rate of requests.</summary>
    public const string RateLimited = "forge_rate_limited";

    /// <summary>The forge refuses the request and will refuse it again.</summary>
    public const string Refused = "forge_refused";

    /// <summary>Whether the same call may succeed later without anything being changed.</summary>
    [Id(0)]
    public bool IsTransient { get; } = isTransient;

    /// <summary>The HTTP status; null when there was no response.</summary>
    [Id(1)]
    public int? Status { get; } = status;

    /// <summary>The delay that the forge asks for; null when it asks for none.</summary>
    [Id(2)]
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
