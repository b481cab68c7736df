namespace Shipinator.Forges.Configuration;

/// <summary>No repository has a webhook secret, so every webhook is refused: what applies without a store of secrets.</summary>
internal sealed class NoWebhookSecrets : IWebhookSecrets
{
    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> Of(RepositoryId repository, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>([]);
}
