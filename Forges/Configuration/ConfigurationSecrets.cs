using Microsoft.Extensions.Configuration;

namespace Shipinator.Forges.Configuration;

/// <summary>
/// Secrets from the configuration: <c>Shipinator:Secrets:REPOSITORY-ID:NAME</c>, else <c>Shipinator:Secrets:PROJECT-ID:NAME</c>,
/// else <c>Shipinator:Secrets:NAME</c> for all.
/// </summary>
public sealed class ConfigurationSecrets(IConfiguration configuration) : ISecretSource
{
    /// <summary>The value; null when none is configured.</summary>
    public string? Find(ProjectId project, RepositoryId repository, string name)
    {
        var secrets = configuration.GetSection("Shipinator:Secrets");
        return secrets.GetSection(repository.ToString())[name] ?? secrets.GetSection(project.ToString())[name] ?? secrets[name];
    }

    /// <inheritdoc/>
    public Task<ResolvedSecrets> Resolve(SecretRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Origin.IsFork)
        {
            return Task.FromResult(ResolvedSecrets.None with { Withheld = [.. request.Names] });
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var denied = new List<DeniedSecret>();
        foreach (var name in request.Names)
        {
            if (Find(request.Project, request.Repository, name) is { } value)
            {
                values[name] = value;
            }
            else
            {
                denied.Add(new(name, $"{name} is not configured; set Shipinator:Secrets:{name}, or remove it from the step's secrets."));
            }
        }

        return Task.FromResult(new ResolvedSecrets(values, denied, []));
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyCollection<string>> ValuesToMask(SecretRequest request, CancellationToken cancellationToken) =>
        [.. (await Resolve(request, cancellationToken)).Values.Values];
}
