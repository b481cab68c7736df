using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts;

/// <summary>Where the file system stores keep their files.</summary>
public sealed class FileStoreOptions
{
    /// <summary>A folder that all silos share (a local disk, an NFS mount). Below it: <c>artifacts/</c> and <c>logs/</c>. Required.</summary>
    public string Root { get; set; } = "";

    /// <summary>How often a reader that follows a log looks for bytes of another silo of which no news came. Default 2 s.</summary>
    public TimeSpan FollowInterval { get; set; } = TimeSpan.FromSeconds(2);
}

/// <summary>Checks the folder when the server starts.</summary>
public sealed class FileStoreOptionsValidator : IValidateOptions<FileStoreOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, FileStoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Path.IsPathFullyQualified(options.Root))
        {
            return ValidateOptionsResult.Fail(
                $"Shipinator:Artifacts:Root is '{options.Root}'; it must be the absolute path of a folder that all silos share."
            );
        }

        return options.FollowInterval < TimeSpan.FromMilliseconds(10)
            ? ValidateOptionsResult.Fail(
                $"Shipinator:Artifacts:FollowInterval is {options.FollowInterval}; it must be at least 00:00:00.010."
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
