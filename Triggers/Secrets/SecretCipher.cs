using System.Security.Cryptography;
using System.Text;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Secrets;

/// <summary>
/// Encrypts values with AES-256-GCM. The associated data is everything that says where a value belongs and who gets it (scope, kind, name,
/// version, limits), so that somebody who can write to the database can neither move a value nor widen its limits.
/// </summary>
public sealed class SecretCipher(SecretKeyRing keys)
{
    private const int NonceLength = 12;
    private const int TagLength = 16;

    /// <summary>Encrypts with the newest key. Errors: <see cref="ConflictException"/> <see cref="SecretErrors.NoKeys"/>.</summary>
    public SealedValue Seal(SecretInfo info, ReadOnlySpan<byte> value)
    {
        ArgumentNullException.ThrowIfNull(info);
        var key = keys.Newest;
        var sealedValue = new SealedValue(key.Id, RandomNumberGenerator.GetBytes(NonceLength), new byte[value.Length], new byte[TagLength]);
        using var aes = new AesGcm(key.Bytes, TagLength);
        aes.Encrypt(sealedValue.Nonce, value, sealedValue.Ciphertext, sealedValue.Tag, Associated(info, key.Id));
        return sealedValue;
    }

    /// <summary>
    /// Decrypts. Errors: <see cref="ShipinatorException"/> <see cref="SecretErrors.UnknownKey"/>, <see cref="SecretErrors.Unreadable"/>.
    /// </summary>
    public byte[] Open(SecretRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var (info, value) = row;
        var key =
            keys.Find(value.KeyId)
            ?? throw new ShipinatorException(
                SecretErrors.UnknownKey,
                $"The {Subject(info)} is encrypted with key {value.KeyId}, which this server does not have. Add the key to {keys.Source} "
                    + "and restart the server, or set the value again."
            );
        if (value.Nonce.Length != NonceLength || value.Tag.Length != TagLength)
        {
            throw Unreadable(info, null);
        }

        try
        {
            var plain = new byte[value.Ciphertext.Length];
            using var aes = new AesGcm(key.Bytes, TagLength);
            aes.Decrypt(value.Nonce, value.Ciphertext, value.Tag, plain, Associated(info, key.Id));
            return plain;
        }
        catch (CryptographicException e)
        {
            throw Unreadable(info, e);
        }
    }

    /// <summary>Each part with its length before it: no two places have the same bytes.</summary>
    private static byte[] Associated(SecretInfo info, string keyId)
    {
        using var bytes = new MemoryStream();
        using (var writer = new BinaryWriter(bytes, Encoding.UTF8))
        {
            writer.Write("shipinator secret 1");
            writer.Write(keyId);
            writer.Write(info.Scope.Word);
            writer.Write(info.Scope.Id.ToString("D"));
            writer.Write(info.Kind);
            writer.Write(info.Name);
            writer.Write(info.Version);
            Write(writer, info.Events);
            Write(writer, info.Branches);
        }

        return bytes.ToArray();
    }

    private static void Write(BinaryWriter writer, IReadOnlyList<string> texts)
    {
        writer.Write(texts.Count);
        foreach (var text in texts)
        {
            writer.Write(text);
        }
    }

    private static ShipinatorException Unreadable(SecretInfo info, Exception? cause) =>
        new(
            SecretErrors.Unreadable,
            $"The stored {Subject(info)} can't be decrypted: its row was changed outside of Shipinator. Set the value again.",
            cause
        );

    private static string Subject(SecretInfo info) =>
        info.Kind switch
        {
            SecretKinds.Secret => $"secret {info.Name} of {info.Scope}",
            SecretKinds.Webhook => $"webhook secret of {info.Scope}",
            _ => $"credential of {info.Scope}",
        };
}
