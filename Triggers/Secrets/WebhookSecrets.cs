using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Secrets;

/// <summary>What is known of a repository's webhook secret.</summary>
/// <param name="Info">The current version.</param>
/// <param name="PreviousUntil">Until when the one before it is accepted as well; null when there is none.</param>
public sealed record StoredWebhookSecret(SecretInfo Info, DateTimeOffset? PreviousUntil);

/// <summary>
/// The secrets with which forges sign webhooks. After a change the one before is accepted for <see cref="SecretStore.WebhookOverlap"/>, or
/// until the next change. Errors of the operations: <see cref="MalformedException"/>, <see cref="NotFoundException"/>,
/// <see cref="ConflictException"/> <see cref="SecretErrors.NoKeys"/>, <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed partial class WebhookSecrets(
    SecretStore store,
    SecretVault vault,
    SecretScopes scopes,
    TimeProvider time,
    ILogger<WebhookSecrets> logger
) : IWebhookSecrets
{
    private const string Name = "webhook";

    /// <summary>Sets the secret to one that the forge already has or will get.</summary>
    public async Task<StoredWebhookSecret> SetAsync(RepositoryId repository, string value, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        var bytes = SecretFields.WebhookSecret(value);
        await scopes.RepositoryAsync(repository, cancellationToken);
        var info = await vault.WriteAsync(
            new(SecretScope.Of(repository), SecretKinds.Webhook, Name, bytes),
            actor,
            int.MaxValue,
            cancellationToken
        );
        WasSet(repository, info.Version, info.UpdatedBy);
        return (await GetAsync(repository, cancellationToken))!;
    }

    /// <summary>Sets the secret to a new random one and returns it, for the caller to register at the forge.</summary>
    public async Task<string> RotateAsync(RepositoryId repository, Actor actor, CancellationToken cancellationToken)
    {
        var value = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        await SetAsync(repository, value, actor, cancellationToken);
        return value;
    }

    /// <summary>What is known of the secret; null when there is none.</summary>
    public async Task<StoredWebhookSecret?> GetAsync(RepositoryId repository, CancellationToken cancellationToken)
    {
        await scopes.RepositoryAsync(repository, cancellationToken);
        var live = await LiveAsync(repository, cancellationToken);
        return live.Count == 0 ? null : new(live[0].Info, live.Count > 1 ? live[1].Info.SupersededAt + SecretStore.WebhookOverlap : null);
    }

    /// <summary>Removes the secret, and the one before it: no signature is accepted from now on.</summary>
    public async Task RemoveAsync(RepositoryId repository, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await scopes.RepositoryAsync(repository, cancellationToken);
        if (!await store.RemoveAsync(SecretScope.Of(repository), SecretKinds.Webhook, Name, cancellationToken))
        {
            throw new NotFoundException("webhook secret of repository", repository.ToString());
        }

        Removed(repository, actor);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> Of(RepositoryId repository, CancellationToken cancellationToken) =>
        [.. (await LiveAsync(repository, cancellationToken)).Select(r => Encoding.UTF8.GetString(vault.Read(r)))];

    /// <summary>The current version and, within the overlap, the one before it.</summary>
    private async Task<IReadOnlyList<SecretRow>> LiveAsync(RepositoryId repository, CancellationToken cancellationToken)
    {
        var since = time.GetUtcNow() - SecretStore.WebhookOverlap;
        var rows = await store.VersionsAsync(SecretScope.Of(repository), SecretKinds.Webhook, Name, cancellationToken);
        return [.. rows.Take(2).Where(r => r.Info.SupersededAt is null || r.Info.SupersededAt > since)];
    }

    [LoggerMessage(4564, LogLevel.Information, "Set the webhook secret of repository {Repository} to version {Version} ({Actor})")]
    private partial void WasSet(RepositoryId repository, int version, string actor);

    [LoggerMessage(4565, LogLevel.Information, "Removed the webhook secret of repository {Repository} ({Actor})")]
    private partial void Removed(RepositoryId repository, Actor actor);
}
