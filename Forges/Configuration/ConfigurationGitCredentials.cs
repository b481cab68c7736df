using Microsoft.Extensions.Configuration;

namespace Shipinator.Forges.Configuration;

/// <summary>
/// Credentials from the configuration, by host: <c>Shipinator:GitCredentials:HOST:Username</c> and <c>…:Password</c>
/// (a token counts as a password). In an environment variable's name a host's dots stay as they are.
/// </summary>
public sealed class ConfigurationGitCredentials(IConfiguration configuration) : IGitCredentials
{
    /// <inheritdoc/>
    public Task<GitCredential?> Find(string cloneUrl, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(cloneUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            return Task.FromResult<GitCredential?>(null);
        }

        var section = configuration.GetSection("Shipinator:GitCredentials").GetSection(url.Host);
        return Task.FromResult(section["Password"] is { Length: > 0 } password
            ? new GitCredential(section["Username"] ?? "git", password)
            : null);
    }
}

/// <summary>
/// Secrets from the configuration: <c>Shipinator:Secrets:REPOSITORY-ID:NAME</c>, else <c>Shipinator:Secrets:PROJECT-ID:NAME</c>,
/// else <c>Shipinator:Secrets:NAME</c> for all.
/// </summary>
public sealed class ConfigurationSecrets(IConfiguration configuration) : ISecretSource
{
    /// <inheritdoc/>
    public Task<IReadOnlyDictionary<string, string>> Resolve(
        ProjectId project, RepositoryId repository, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        var secrets = configuration.GetSection("Shipinator:Secrets");
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var value = secrets.GetSection(repository.ToString())[name] ?? secrets.GetSection(project.ToString())[name] ?? secrets[name];
            if (value is not null)
            {
                found[name] = value;
            }
        }

        return Task.FromResult<IReadOnlyDictionary<string, string>>(found);
    }
}
