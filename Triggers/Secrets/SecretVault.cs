using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Secrets;

/// <summary>A version of a secret to write.</summary>
/// <param name="Scope">Where it belongs.</param>
/// <param name="Kind">One of <see cref="SecretKinds"/>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Value">The value; null keeps the current one.</param>
/// <param name="Events">The events; null keeps the current ones.</param>
/// <param name="Branches">The branch globs; null keeps the current ones.</param>
public sealed record SecretWrite(
    SecretScope Scope,
    string Kind,
    string Name,
    byte[]? Value,
    IReadOnlyList<string>? Events = null,
    IReadOnlyList<string>? Branches = null
);

/// <summary>Writes and reads encrypted values of all kinds.</summary>
public sealed class SecretVault(SecretStore store, SecretCipher cipher, TimeProvider time)
{
    private const int Attempts = 20;

    /// <summary>
    /// Writes the next version; the last of concurrent writers wins. Errors: <see cref="MalformedException"/> when there is neither a value
    /// nor a current one, or when <paramref name="mostInScope"/> is reached; <see cref="NotFoundException"/> for the scope;
    /// <see cref="ConflictException"/> without a key, and when other writers never stop.
    /// </summary>
    public async Task<SecretInfo> WriteAsync(SecretWrite write, Actor actor, int mostInScope, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var newest = await store.NewestAsync(write.Scope, write.Kind, write.Name, cancellationToken);
            var current = newest?.Info.SupersededAt is null ? newest : null;
            if (current is null)
            {
                await RequireRoomAsync(write, mostInScope, cancellationToken);
            }

            var value =
                write.Value
                ?? (
                    current is null
                        ? throw new MalformedException(
                            "value_missing",
                            "value",
                            $"value is missing: {write.Scope} has no {write.Kind} {write.Name} whose value could be kept."
                        )
                        : cipher.Open(current)
                );
            var now = time.GetUtcNow();
            var info = new SecretInfo
            {
                Id = EntityId.NewValue(time),
                Scope = write.Scope,
                Kind = write.Kind,
                Name = write.Name,
                Version = (newest?.Info.Version ?? 0) + 1,
                Events = write.Events ?? current?.Info.Events ?? [],
                Branches = write.Branches ?? current?.Info.Branches ?? [],
                CreatedAt = current?.Info.CreatedAt ?? now,
                CreatedBy = current?.Info.CreatedBy ?? actor.ToString(),
                UpdatedAt = now,
                UpdatedBy = actor.ToString(),
            };
            if (await store.AddAsync(new(info, cipher.Seal(info, value)), cancellationToken))
            {
                return info;
            }
        }

        throw new ConflictException("secret_busy", $"{write.Name} is being changed by others at the same time; retry the request.");
    }

    /// <summary>The value of a version. Errors: as <see cref="SecretCipher.Open"/>.</summary>
    public byte[] Read(SecretRow row) => cipher.Open(row);

    /// <summary>The current version; null when there is none.</summary>
    public async Task<SecretRow?> CurrentAsync(SecretScope scope, string kind, string name, CancellationToken cancellationToken) =>
        await store.NewestAsync(scope, kind, name, cancellationToken) is { Info.SupersededAt: null } row ? row : null;

    private async Task RequireRoomAsync(SecretWrite write, int most, CancellationToken cancellationToken)
    {
        if ((await store.ListAsync(write.Scope, write.Kind, cancellationToken)).Count >= most)
        {
            throw new MalformedException(
                "secrets_too_many",
                "name",
                $"A {write.Scope.Word} can have at most {most} secrets; remove one that no step needs."
            );
        }
    }
}
