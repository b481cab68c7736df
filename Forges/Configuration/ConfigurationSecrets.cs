using Microsoft.Extensions.Configuration;

namespace Shipinator.Forges.Configuration;

/// <summary>
/// Secrets from the configuration: <c>Shipinator:Secrets:REPOSITORY-ID:NAME</c>, else <c>Shipinator:Secrets:PROJECT-ID:NAME</c>,
/// else <c>Shipinator:Secrets:NAME</c> for all.
/// </summary>
public sealed class ConfigurationSecrets(IConfiguration configuration) : ISecretSource
{
    /// <inheritdoc/>
    public Task<IReadOnlyDictionary<string, string>> Resolve(
        ProjectId project,
        RepositoryId repository,
        IReadOnlyCollection<string> names,
        CancellationToken cancellationToken
    )
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
