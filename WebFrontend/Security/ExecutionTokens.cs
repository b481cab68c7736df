using System.Buffers.Text;
using System.Security.Cryptography;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Execution tokens: the id of the execution and its HMAC-SHA256 under a key that all silos share through the database. Nothing is stored
/// per execution; whether a token may still do something depends on the state of its execution.
/// </summary>
public sealed class ExecutionTokens(ServerKeyStore keys) : IExecutionTokens
{
    private const string Prefix = "shx_";
    private const int IdBytes = 16;
    private byte[]? _key;

    /// <summary>Loads the key, or creates the first one. Call it once, before the server starts.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken = default) =>
        _key = await keys.GetOrCreateAsync("execution-tokens", cancellationToken: cancellationToken);

    /// <inheritdoc/>
    public string Issue(ExecutionId execution)
    {
        var id = execution.Value.ToByteArray(bigEndian: true);
        return Prefix + Base64Url.EncodeToString([.. id, .. HMACSHA256.HashData(Key, id)]);
    }

    /// <inheritdoc/>
    public ExecutionId? Verify(string token)
    {
        if (
            token is null
            || !token.StartsWith(Prefix, StringComparison.Ordinal)
            || !Base64Url.IsValid(token.AsSpan(Prefix.Length), out var length)
            || length != IdBytes + HMACSHA256.HashSizeInBytes
        )
        {
            return null;
        }

        var bytes = Base64Url.DecodeFromChars(token.AsSpan(Prefix.Length));
        return CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(Key, bytes.AsSpan(0, IdBytes)), bytes.AsSpan(IdBytes))
            ? new ExecutionId(new Guid(bytes.AsSpan(0, IdBytes), bigEndian: true))
            : null;
    }

    private byte[] Key => _key ?? throw new InvalidOperationException("The key of the execution tokens has not been loaded.");
}
