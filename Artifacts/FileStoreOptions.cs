using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts;

/// <summary>Settings of the file system stores, section <c>Shipinator:Artifacts</c>.</summary>
public sealed class FileStoreOptions
{
    /// <summary>
    /// A folder that all silos share (a local disk, an NFS mount). It contains <c>artifacts/</c> and <c>logs/</c>. Required.
    /// </summary>
    public string Root { get; set; } = "";

    /// <summary>How often a follower of a log polls for bytes of another silo when no notification arrived. Default: 2 s.</summary>
    public TimeSpan FollowInterval { get; set; } = TimeSpan.FromSeconds(2);
}

/// <summary>Validates the settings at startup.</summary>
public sealed class FileStoreOptionsValidator : IValidateOptions<FileStoreOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, FileStoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Path.IsPathFullyQualified(options.Root))
        {
            return ValidateOptionsResult.Fail(
                $"Shipinator:Artifacts:Root must be the absolute path of a folder that all silos share, but was '{options.Root}'."
            );
        }

        return options.FollowInterval < TimeSpan.FromMilliseconds(10)
            ? ValidateOptionsResult.Fail(
                $"Shipinator:Artifacts:FollowInterval must be at least 00:00:00.010, but was {options.FollowInterval}."
            )
            : ValidateOptionsResult.Success;
    }
}

/// <summary>Registers the file system stores.</summary>
public static class FileStoreServices
{
    /// <summary><see cref="IArtifactStore"/> and <see cref="ILogStore"/> in folders.</summary>
    public static IServiceCollection AddFileSystemStores(this IServiceCollection services, Action<FileStoreOptions> configure)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IValidateOptions<FileStoreOptions>, FileStoreOptionsValidator>();
        services.AddOptions<FileStoreOptions>().Configure(configure).ValidateOnStart();
        services.AddSingleton<IArtifactStore, FileSystemArtifactStore>();
        services.TryAddSingleton<IArtifactStores, ArtifactStores>();
        services.AddSingleton<ILogStore, FileSystemLogStore>();
        return services;
    }
}
