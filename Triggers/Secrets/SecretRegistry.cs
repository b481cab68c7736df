using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Secrets;

/// <summary>A change of a secret for steps: null leaves a field as it is; an empty list removes the limits.</summary>
public sealed record SecretChange
{
    /// <summary>The value; required for a new secret.</summary>
    public string? Value { get; init; }

    /// <summary>The events whose runs get it.</summary>
    public IReadOnlyList<string>? Events { get; init; }

    /// <summary>Globs of the branches whose runs get it.</summary>
    public IReadOnlyList<string>? Branches { get; init; }
}

/// <summary>
/// Sets, lists and removes secrets for steps. Values can be written and never read. Errors of every method:
/// <see cref="MalformedException"/>, <see cref="NotFoundException"/>, <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed partial class SecretRegistry(SecretStore store, SecretVault vault, SecretScopes scopes, ILogger<SecretRegistry> logger)
{
    /// <summary>
    /// Creates a secret or changes it. What runs already has the value that it was given. Errors: <see cref="ConflictException"/>
    /// <see cref="SecretErrors.NoKeys"/>.
    /// </summary>
    public async Task<SecretInfo> SetAsync(
        SecretScope scope,
        string name,
        SecretChange change,
        Actor actor,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(change);
        ArgumentNullException.ThrowIfNull(actor);
        var write = new SecretWrite(
            scope,
            SecretKinds.Secret,
            SecretFields.Name(name),
            change.Value is null ? null : SecretFields.Value(change.Value),
            SecretFields.EventLimits(change.Events),
            SecretFields.BranchLimits(change.Branches)
        );
        await scopes.RequireAsync(scope, cancellationToken);
        var info = await vault.WriteAsync(write, actor, SecretFields.MostSecrets, cancellationToken);
        WasSet(info.Name, scope, info.Version, info.UpdatedBy);
        return info;
    }

    /// <summary>The secrets of a scope, by name, without values.</summary>
    public async Task<IReadOnlyList<SecretInfo>> ListAsync(SecretScope scope, CancellationToken cancellationToken)
    {
        await scopes.RequireAsync(scope, cancellationToken);
        return await store.ListAsync(scope, SecretKinds.Secret, cancellationToken);
    }

    /// <summary>Removes a secret: no claim gets it from now on.</summary>
    public async Task RemoveAsync(SecretScope scope, string name, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await scopes.RequireAsync(scope, cancellationToken);
        if (!await store.RemoveAsync(scope, SecretKinds.Secret, SecretFields.Name(name), cancellationToken))
        {
            throw new NotFoundException("secret", name);
        }

        Removed(name, scope, actor);
    }

    [LoggerMessage(4560, LogLevel.Information, "Set secret {Name} of {Scope} to version {Version} ({Actor})")]
    private partial void WasSet(string name, SecretScope scope, int version, string actor);

    [LoggerMessage(4561, LogLevel.Information, "Removed secret {Name} of {Scope} ({Actor})")]
    private partial void Removed(string name, SecretScope scope, Actor actor);
}

/// <summary>Checks that a scope exists.</summary>
public sealed class SecretScopes(ProjectStore projects, RepositoryStore repositories)
{
    /// <summary>Errors: <see cref="NotFoundException"/>.</summary>
    public async Task RequireAsync(SecretScope scope, CancellationToken cancellationToken)
    {
        if (scope.Repository is { } repository)
        {
            await RepositoryAsync(repository, cancellationToken);
        }
        else if (await projects.GetAsync(scope.Project!.Value, cancellationToken) is null)
        {
            throw new NotFoundException("project", scope.Id.ToString("D"));
        }
    }

    /// <summary>The repository. Errors: <see cref="NotFoundException"/>.</summary>
    public async Task<RepositoryRow> RepositoryAsync(RepositoryId id, CancellationToken cancellationToken) =>
        await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());
}
