using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Shipinator.Forges.Api;
using Shipinator.Forges.Configuration;
using Shipinator.Forges.Git;
using Shipinator.Forges.Gitea;
using Shipinator.Forges.GitHub;

namespace Shipinator.Forges;

/// <summary>Registers forges.</summary>
public static class ForgeServices
{
    /// <summary>All providers, the registry, and credentials and secrets from the configuration.</summary>
    public static IServiceCollection AddGitForge(this IServiceCollection services, Action<ForgeOptions> configure)
    {
        services.AddSingleton<IValidateOptions<ForgeOptions>, ForgeOptionsValidator>();
        services.AddOptions<ForgeOptions>().Configure(configure).ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<GitForge>();
        services.AddSingleton<IForge>(s => s.GetRequiredService<GitForge>());
        services.AddForge((git, api) => new GitHubForge(git, api));
        services.AddForge((git, api) => new GiteaForge(git, api));
        services.AddForge((git, api) => new ForgejoForge(git, api));
        services.AddForge((git, api) => new GogsForge(git, api));
        services.TryAddSingleton<ForgeHttp>();
        services.TryAddSingleton<ForgeApi>();
        services.TryAddSingleton<IRepositoryMirrors>(s => s.GetRequiredService<GitForge>().Mirrors);
        services.TryAddSingleton<IClonePolicy, ClonePolicy>();
        services.TryAddSingleton<IForgeRegistry, ForgeRegistry>();
        services.TryAddSingleton<IWebhookForges, WebhookForges>();
        services.TryAddSingleton<IWebhookSecrets, NoWebhookSecrets>();
        services.TryAddSingleton<IGitCredentials, ConfigurationGitCredentials>();
        services.TryAddSingleton<IRepositoryCredentials, ConfiguredRepositoryCredentials>();
        services.TryAddSingleton<ISecretSource, ConfigurationSecrets>();
        return services;
    }

    private static void AddForge(this IServiceCollection services, Func<GitForge, ForgeApi, IForge> create) =>
        services.AddSingleton(s => create(s.GetRequiredService<GitForge>(), s.GetRequiredService<ForgeApi>()));
}

/// <summary>The registered forges, by provider.</summary>
public sealed class ForgeRegistry(IEnumerable<IForge> forges) : IForgeRegistry
{
    private readonly Dictionary<string, IForge> _byProvider = forges.ToDictionary(f => f.Provider, StringComparer.Ordinal);

    /// <inheritdoc/>
    public IForge Get(string provider) =>
        _byProvider.TryGetValue(provider, out var forge)
            ? forge
            : throw new InvalidInputException(
                "vcs_provider_unknown",
                $"'{provider}' is not a valid vcs_provider; expected one of "
                    + $"{string.Join(", ", _byProvider.Keys.Order(StringComparer.Ordinal))}."
            );
}
