using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Shipinator.Forges.Webhooks;

/// <summary>Compares HMAC-SHA256 signatures in constant time.</summary>
internal static class HmacSignature
{
    /// <summary>
    /// Whether the text is the hexadecimal signature of the bytes with one of the secrets. An empty secret signs nothing: forges that have
    /// none send an empty or a publicly computable signature.
    /// </summary>
    public static bool IsOf(ReadOnlySpan<char> hex, ReadOnlySpan<byte> signed, IReadOnlyList<string> secrets)
    {
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        if (
            hex.Length != HMACSHA256.HashSizeInBytes * 2
            || Convert.FromHexString(hex, given, out _, out var written) != OperationStatus.Done
            || written != given.Length
        )
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var matches = false;
        foreach (var secret in secrets)
        {
            if (secret.Length == 0)
            {
                continue;
            }

            HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed, expected);
            // No early exit: the time does not say which secret matched.
            matches |= CryptographicOperations.FixedTimeEquals(given, expected);
        }

        return matches;
    }
}
