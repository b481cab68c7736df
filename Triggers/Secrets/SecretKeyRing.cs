using System.Security.Cryptography;

namespace Shipinator.Triggers.Secrets;

/// <summary>A key of AES-256-GCM. Its id is a fingerprint of the key itself, so that the same key has the same id everywhere.</summary>
public sealed class SecretKey
{
    /// <summary>The length of a key, in bytes.</summary>
    public const int Length = 32;

    private readonly byte[] _bytes;

    private SecretKey(byte[] bytes)
    {
        _bytes = bytes;
        Id = Convert.ToHexStringLower(SHA256.HashData([.. "shipinator secret key\0"u8, .. bytes]))[..16];
    }

    /// <summary>16 hexadecimal digits, from which the key can't be derived.</summary>
    public string Id { get; }

    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>A new random key.</summary>
    public static SecretKey New() => new(RandomNumberGenerator.GetBytes(Length));

    /// <summary>Reads the base64 of 32 bytes, white space around it ignored; null when it is anything else.</summary>
    public static SecretKey? TryParse(string? text)
    {
        var bytes = new byte[Length + 1];
        return text is not null && Convert.TryFromBase64String(text.Trim(), bytes, out var length) && length == Length
            ? new(bytes[..Length])
            : null;
    }

    /// <summary>The form that <see cref="TryParse"/> reads.</summary>
    public string ToBase64() => Convert.ToBase64String(_bytes);

    /// <summary>The id: a key must not get into a message by accident.</summary>
    public override string ToString() => Id;
}

/// <summary>The keys of this server: the first encrypts, all decrypt. Loaded before the server starts.</summary>
public sealed class SecretKeyRing
{
    private IReadOnlyList<SecretKey> _keys = [];

    /// <summary>Where the keys are from: a setting or a file, for messages.</summary>
    public string Source { get; private set; } = "Shipinator:SecretKeys";

    /// <summary>Whether there is a key.</summary>
    public bool HasKeys => _keys.Count > 0;

    /// <summary>The key that new values are encrypted with. Errors: <see cref="ConflictException"/> when there is none.</summary>
    public SecretKey Newest =>
        HasKeys
            ? _keys[0]
            : throw new ConflictException(
                SecretErrors.NoKeys,
                $"This server has no key to encrypt secrets with. Set {Source} to the base64 of 32 random bytes "
                    + "('openssl rand -base64 32') on every server and restart it; see docs/secrets.md."
            );

    /// <summary>Sets the keys, the newest first.</summary>
    public void Load(IReadOnlyList<SecretKey> keys, string source)
    {
        ArgumentNullException.ThrowIfNull(keys);
        _keys = [.. keys.DistinctBy(k => k.Id)];
        Source = source;
    }

    /// <summary>The key with this id; null when this server does not have it.</summary>
    public SecretKey? Find(string id) => _keys.FirstOrDefault(k => k.Id == id);
}

/// <summary>The codes of errors about encrypted values.</summary>
public static class SecretErrors
{
    /// <summary>The server has no key at all.</summary>
    public const string NoKeys = "secret_keys_missing";

    /// <summary>The server lacks the key that a value is encrypted with.</summary>
    public const string UnknownKey = "secret_key_unknown";

    /// <summary>A stored value is not what was encrypted for its place.</summary>
    public const string Unreadable = "secret_unreadable";
}
