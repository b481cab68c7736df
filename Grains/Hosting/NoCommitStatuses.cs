namespace Shipinator.Grains.Hosting;

/// <summary>No status is sent: used where the composition root adds no <see cref="ICommitStatusSender"/>.</summary>
internal sealed class NoCommitStatuses : ICommitStatusSender
{
    /// <inheritdoc/>
    public Task<StatusRound> Send(RepositoryId repository, CancellationToken cancellationToken) => Task.FromResult(StatusRound.Idle);

    /// <inheritdoc/>
    public Task<IReadOnlyList<RepositoryId>> Due(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<RepositoryId>>([]);
}
