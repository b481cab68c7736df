namespace Shipinator;

/// <summary>
/// Sends the commit statuses of the outbox to the forges. One grain per repository calls <see cref="Send"/>, so that statuses of a commit
/// keep their order.
/// </summary>
public interface ICommitStatusSender
{
    /// <summary>
    /// Compares the repository's statuses that are not settled with their runs, and sends what has changed and is due. Failures of the
    /// forge are recorded in the outbox and never thrown. Errors: <see cref="StorageUnavailableException"/>.
    /// </summary>
    Task<StatusRound> Send(RepositoryId repository, CancellationToken cancellationToken);

    /// <summary>The repositories that may have something to send now.</summary>
    Task<IReadOnlyList<RepositoryId>> Due(CancellationToken cancellationToken);
}

/// <summary>The result of sending a repository's statuses.</summary>
/// <param name="HasOpen">Whether statuses remain that a change of their run makes due.</param>
/// <param name="NextAt">When something is due without a change of a run; null: nothing is.</param>
public sealed record StatusRound(bool HasOpen, DateTimeOffset? NextAt)
{
    /// <summary>Nothing to send until another status is registered.</summary>
    public static StatusRound Idle { get; } = new(HasOpen: false, null);
}
