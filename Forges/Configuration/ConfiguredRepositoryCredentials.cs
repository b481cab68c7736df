namespace Shipinator.Forges.Configuration;

/// <summary>The configured credential for a clone URL, whichever repository it is for.</summary>
public sealed class ConfiguredRepositoryCredentials(IGitCredentials configured) : IRepositoryCredentials
{
    /// <inheritdoc/>
    public Task<GitCredential?> Find(RepositoryId repository, string cloneUrl, CancellationToken cancellationToken) =>
        configured.Find(cloneUrl, cancellationToken);
}
