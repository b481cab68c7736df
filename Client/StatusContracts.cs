namespace Shipinator.Client;

/// <summary>Commit statuses of a repository that its forge does not accept.</summary>
public sealed record StatusProblemResponse
{
    /// <summary>The cause: <c>forge_unauthorized</c>, <c>forge_forbidden</c>, <c>forge_unreachable</c>, …</summary>
    public required string Code { get; init; }

    /// <summary>What is wrong and how to fix it.</summary>
    public required string Message { get; init; }

    /// <summary>How many statuses are not sent until the cause is fixed or they are retried.</summary>
    public required int Blocked { get; init; }

    /// <summary>How many are sent again by themselves.</summary>
    public required int Retrying { get; init; }

    /// <summary>Since when the first of them fails.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The next attempt; absent: none until they are retried.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }
}

/// <summary>Response of <c>POST /v1/repositories/{id}/statuses/retry</c>.</summary>
public sealed record RetryStatusesResponse
{
    /// <summary>How many statuses are sent again.</summary>
    public required int Retried { get; init; }
}
