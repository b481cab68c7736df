using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Shipinator.Forges.Configuration;
using Shipinator.Forges.Git;

namespace Shipinator.Forges;

/// <summary>Settings of the forges.</summary>
public sealed class ForgeOptions
{
    /// <summary>The folder for mirrors of remote repositories: a cache, safe to delete. Required.</summary>
    public string CacheRoot { get; set; } = "";

    /// <summary>The largest file that is read from a repository, in bytes. Default 1 MiB.</summary>
    public int MaxFileBytes { get; set; } = 1024 * 1024;
}

/// <summary>Checks the settings at start.</summary>
public sealed class ForgeOptionsValidator : IValidateOptions<ForgeOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ForgeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Path.IsPathFullyQualified(options.CacheRoot)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"Shipinator:Forges:CacheRoot is '{options.CacheRoot}'; it must be the absolute path of a folder that can be written.");
    }
}

/// <summary>Registers forges.</summary>
public static class ForgeServices
{
    /// <summary>The <c>git</c> provider, the registry, and credentials and secrets from the configuration.</summary>
    public static IServiceCollection AddGitForge(this IServiceCollection services, Action<ForgeOptions> configure)
    {
        services.AddSingleton<IValidateOptions<ForgeOptions>, ForgeOptionsValidator>();
        services.AddOptions<ForgeOptions>().Configure(configure).ValidateOnStart();
        services.AddSingleton<IForge, GitForge>();
        services.TryAddSingleton<IForgeRegistry, ForgeRegistry>();
        services.TryAddSingleton<IGitCredentials, ConfigurationGitCredentials>();
        services.TryAddSingleton<ISecretSource, ConfigurationSecrets>();
        return services;
    }
}

/// <summary>The forges that are registered, by provider.</summary>
public sealed class ForgeRegistry(IEnumerable<IForge> forges) : IForgeRegistry
{
    private readonly Dictionary<string, IForge> _byProvider = forges.ToDictionary(f => f.Provider, StringComparer.Ordinal);

    /// <inheritdoc/>
    public IForge Get(string provider) => _byProvider.TryGetValue(provider, out var forge)
        ? forge
        : throw new InvalidInputException("vcs_provider_unknown", $"'{provider}' is no vcs_provider of this server; known: {string.Join(", ", _byProvider.Keys.Order(StringComparer.Ordinal))}.");
}
