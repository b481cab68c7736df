using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Tokens;

/// <summary>A new token with its text, which is not stored and can't be shown again.</summary>
public sealed record CreatedToken(TokenRow Row, string Text);

/// <summary>
/// Creates, lists and revokes API tokens. Errors of every method: <see cref="MalformedException"/>,
/// <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed partial class ApiTokens(TokenStore store, ILogger<ApiTokens> logger)
{
    /// <summary>The roles that a token can have, most permissions first.</summary>
    public static IReadOnlyList<string> Roles { get; } = ["admin", "write", "read"];

    /// <summary>Creates a token. Errors: <see cref="ConflictException"/> <c>name_taken</c>, also for the name of a revoked token.</summary>
    public async Task<CreatedToken> CreateAsync(string name, string role, CancellationToken cancellationToken)
    {
        if (!Roles.Contains(role, StringComparer.Ordinal))
        {
            throw new MalformedException(
                "role_malformed",
                "role",
                $"'{Fields.Excerpt(role ?? "")}' is not a valid role; expected {string.Join(", ", Roles)}."
            );
        }

        var text = NewText();
        var row = await store.CreateAsync(Fields.Name(name), role, text, cancellationToken);
        Created(row.Id, row.Name, row.Role);
        return new(row, text);
    }

    /// <summary>Tokens page by page, revoked ones too, oldest first. Errors: <see cref="InvalidInputException"/> <c>cursor</c>.</summary>
    public Task<Page<TokenRow>> ListAsync(PageRequest page, CancellationToken cancellationToken) =>
        store.ListAsync(page, cancellationToken);

    /// <summary>Revokes a token: it is refused from now on, at every server. Idempotent. Errors: <see cref="NotFoundException"/>.</summary>
    public async Task RevokeAsync(Guid id, CancellationToken cancellationToken)
    {
        await store.RevokeAsync(id, cancellationToken);
        Revoked(id);
    }

    /// <summary><c>shp_</c> and 32 random bytes.</summary>
    private static string NewText() => "shp_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    [LoggerMessage(4541, LogLevel.Information, "Created token {Token} ({Name}, role {Role})")]
    private partial void Created(Guid token, string name, string role);

    [LoggerMessage(4542, LogLevel.Information, "Revoked token {Token}")]
    private partial void Revoked(Guid token);
}
