using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Statuses;

/// <summary>
/// Sends the commit statuses that failed again: after the credential or its rights were changed, or when a person asks.
/// </summary>
public sealed partial class CommitStatusRetry(
    CommitStatusStore store,
    RepositoryStore repositories,
    StatusSignal signal,
    ILogger<CommitStatusRetry> logger
)
{
    /// <summary>
    /// Returns how many are sent again. Errors: <see cref="NotFoundException"/>, <see cref="StorageUnavailableException"/>.
    /// </summary>
    public async Task<int> RetryAsync(RepositoryId repository, CancellationToken cancellationToken)
    {
        _ = await repositories.GetAsync(repository, cancellationToken) ?? throw new NotFoundException("repository", repository.ToString());
        var count = await store.RetryAsync(repository, null, cancellationToken);
        if (count > 0)
        {
            Retried(repository, count);
            await signal.NotifyAsync(repository);
        }

        return count;
    }

    [LoggerMessage(4904, LogLevel.Information, "Retrying {Count} commit statuses of repository {Repository}")]
    private partial void Retried(RepositoryId repository, int count);
}
