using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Secrets;

/// <summary>The outcome of a rotation.</summary>
/// <param name="KeyId">The key that everything is encrypted with now.</param>
/// <param name="Reencrypted">How many values were re-encrypted.</param>
/// <param name="Remaining">
/// How many values another server encrypted with another key meanwhile: it still has the old order of keys. 0 when old keys can be removed.
/// </param>
public sealed record KeyRotation(string KeyId, int Reencrypted, long Remaining);

/// <summary>Encrypts all values with the newest key.</summary>
public sealed partial class SecretKeyRotation(SecretStore store, SecretCipher cipher, SecretKeyRing keys, ILogger<SecretKeyRotation> logger)
{
    private const int BatchSize = 100;

    /// <summary>
    /// Encrypts every value, also superseded ones, that is not encrypted with the newest key. Idempotent, and safe while values are
    /// written and while another server does the same. Errors: <see cref="ConflictException"/> <see cref="SecretErrors.NoKeys"/>;
    /// <see cref="ShipinatorException"/> when a value can't be decrypted, and then those before it are done;
    /// <see cref="StorageUnavailableException"/>.
    /// </summary>
    public async Task<KeyRotation> RotateAsync(Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        var newest = keys.Newest.Id;
        var done = 0;
        Guid? after = null;
        while (await store.NotUnderAsync(newest, after, BatchSize, cancellationToken) is { Count: > 0 } batch)
        {
            foreach (var row in batch)
            {
                // A row that was deleted or re-encrypted in the meantime needs nothing.
                done += await store.ResealAsync(row, cipher.Seal(row.Info, cipher.Open(row)), cancellationToken) ? 1 : 0;
            }

            after = batch[^1].Info.Id;
        }

        var remaining = (await store.KeysAsync(cancellationToken)).Where(k => k.Key != newest).Sum(k => k.Value);
        Rotated(done, newest, remaining, actor);
        return new(newest, done, remaining);
    }

    [LoggerMessage(4566, LogLevel.Information, "Encrypted {Count} secrets with key {Key}; {Remaining} are under other keys ({Actor})")]
    private partial void Rotated(int count, string key, long remaining, Actor actor);
}
