using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Shipinator.Forges;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Triggers.Secrets;

/// <summary>What is known of a repository's own credential, without its password.</summary>
/// <param name="Info">Its version.</param>
/// <param name="Username">The user name.</param>
/// <param name="Url">The clone URL that it was set for, and the only one that it is sent to.</param>
/// <param name="IsUsed">Whether that is still the repository's clone URL.</param>
public sealed record StoredCredential(SecretInfo Info, string Username, string Url, bool IsUsed);

/// <summary>
/// The credential of a repository: its own from the store, else the configured one. Its own belongs to the clone URL that the repository
/// had when it was set: whoever changes the clone URL later does not get it sent elsewhere. Errors of the operations:
/// <see cref="MalformedException"/>, <see cref="NotFoundException"/>, <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed partial class RepositoryCredentials(
    SecretStore store,
    SecretVault vault,
    SecretScopes scopes,
    IGitCredentials configured,
    CommitStatusRetry statuses,
    ILogger<RepositoryCredentials> logger
) : IRepositoryCredentials
{
    private const string Name = "clone";
    private readonly ConcurrentDictionary<RepositoryId, GitCredential> _lent = new();

    /// <summary>
    /// Sets the credential for the repository's clone URL. Errors: <see cref="MalformedException"/> when the repository is not cloned by
    /// https or http; <see cref="ConflictException"/> <see cref="SecretErrors.NoKeys"/>.
    /// </summary>
    public async Task<StoredCredential> SetAsync(
        RepositoryId repository,
        string? username,
        string password,
        Actor actor,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(actor);
        var content = new Content(SecretFields.Username(username), SecretFields.Password(password), "");
        var row = await scopes.RepositoryAsync(repository, cancellationToken);
        var address =
            CloneAddress.TryParse(row.CloneUrl, out _)
            ?? throw new MalformedException(
                "credential_unused",
                "clone_url",
                $"Repository {row.Name} is cloned from {row.CloneUrl}, for which no credential is used; expected an http or https URL."
            );
        var info = await vault.WriteAsync(
            new(
                SecretScope.Of(repository),
                SecretKinds.Credential,
                Name,
                JsonSerializer.SerializeToUtf8Bytes(content with { Url = address.Url })
            ),
            actor,
            int.MaxValue,
            cancellationToken
        );
        WasSet(repository, address.Url, info.UpdatedBy);
        // What the previous credential was refused for is sent again.
        await statuses.RetryAsync(repository, cancellationToken);
        return new(info, content.Username, address.Url, IsUsed: true);
    }

    /// <summary>What is known of the repository's own credential; null when it has none.</summary>
    public async Task<StoredCredential?> GetAsync(RepositoryId repository, CancellationToken cancellationToken)
    {
        var row = await scopes.RepositoryAsync(repository, cancellationToken);
        if (await vault.CurrentAsync(SecretScope.Of(repository), SecretKinds.Credential, Name, cancellationToken) is not { } stored)
        {
            return null;
        }

        var content = Read(stored);
        return new(stored.Info, content.Username, content.Url, CloneAddress.TryParse(row.CloneUrl, out _)?.Url == content.Url);
    }

    /// <summary>Removes the repository's own credential: no clone gets it from now on.</summary>
    public async Task RemoveAsync(RepositoryId repository, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await scopes.RepositoryAsync(repository, cancellationToken);
        if (!await store.RemoveAsync(SecretScope.Of(repository), SecretKinds.Credential, Name, cancellationToken))
        {
            throw new NotFoundException("credential of repository", repository.ToString());
        }

        Removed(repository, actor);
    }

    /// <summary>
    /// The repository's own credential if the URL is the one that it was set for, else the configured one. Errors:
    /// <see cref="ShipinatorException"/> when the stored one can't be decrypted.
    /// </summary>
    public async Task<GitCredential?> Find(RepositoryId repository, string cloneUrl, CancellationToken cancellationToken) =>
        CloneAddress.TryParse(cloneUrl, out _) is not { } address ? await configured.Find(cloneUrl, cancellationToken)
        : _lent.TryGetValue(repository, out var lent) && lent.Scope == address.Url ? lent
        : await vault.CurrentAsync(SecretScope.Of(repository), SecretKinds.Credential, Name, cancellationToken) is { } stored
        && Read(stored) is var own
        && own.Url == address.Url
            ? new(own.Username, own.Password, own.Url)
        : await configured.Find(cloneUrl, cancellationToken);

    /// <summary>
    /// Uses a credential that is not stored, in this process and until the result is disposed: to check a repository that is not registered
    /// yet, under an id of its own. Errors: <see cref="MalformedException"/>.
    /// </summary>
    public IDisposable Lend(RepositoryId repository, string cloneUrl, string? username, string password)
    {
        var address =
            CloneAddress.TryParse(cloneUrl, out var problem)
            ?? throw new MalformedException("clone_url_malformed", "clone_url", $"No credential is used for '{cloneUrl}': {problem}.");
        _lent[repository] = new(SecretFields.Username(username), SecretFields.Password(password), address.Url);
        return new Loan(_lent, repository);
    }

    /// <summary>Every password that a runner may have been given, as <see cref="ISecretSource.ValuesToMask"/>.</summary>
    public async Task<IReadOnlyCollection<string>> ValuesToMask(
        RepositoryId repository,
        string cloneUrl,
        CancellationToken cancellationToken
    )
    {
        var rows = await store.VersionsAsync(SecretScope.Of(repository), SecretKinds.Credential, Name, cancellationToken);
        var other = await configured.Find(cloneUrl, cancellationToken);
        return [.. rows.Select(r => Read(r).Password), .. other is null ? [] : new[] { other.Password }];
    }

    private Content Read(SecretRow row) => JsonSerializer.Deserialize<Content>(vault.Read(row))!;

    [LoggerMessage(4562, LogLevel.Information, "Set the credential of repository {Repository} for {Url} ({Actor})")]
    private partial void WasSet(RepositoryId repository, string url, string actor);

    [LoggerMessage(4563, LogLevel.Information, "Removed the credential of repository {Repository} ({Actor})")]
    private partial void Removed(RepositoryId repository, Actor actor);

    private sealed class Loan(ConcurrentDictionary<RepositoryId, GitCredential> lent, RepositoryId repository) : IDisposable
    {
        public void Dispose() => lent.TryRemove(repository, out _);
    }

    /// <summary>The encrypted text.</summary>
    private sealed record Content(string Username, string Password, string Url);
}
