using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Security;

/// <summary>Who sits before a screen, and what they may do; asked of the database at the moment of doing.</summary>
public sealed class Session(AuthenticationStateProvider authentication, TokenStore tokens)
{
    /// <summary>Whether to show what changes things.</summary>
    public async Task<bool> MayAsync(string policy) => Allows((await authentication.GetAuthenticationStateAsync()).User.FindFirst(ClaimTypes.Role)?.Value, policy);

    /// <summary>
    /// The actor for the history, if the token behind this session still may. Errors: <see cref="InvalidInputException"/>
    /// <c>forbidden</c>.
    /// </summary>
    public async Task<string> RequireAsync(string policy, CancellationToken cancellationToken = default)
    {
        var row = await TokenAsync(authentication, tokens, cancellationToken);
        return row is not null && Allows(row.Role, policy)
            ? $"token:{row.Name}"
            : throw new InvalidInputException("forbidden", row is null ? "Your token was revoked. Sign in again." : $"Your token's role is '{row.Role}': it may not do that.");
    }

    internal static async Task<TokenRow?> TokenAsync(AuthenticationStateProvider authentication, TokenStore tokens, CancellationToken cancellationToken) =>
        Guid.TryParse((await authentication.GetAuthenticationStateAsync()).User.FindFirst(DashboardAccess.TokenClaim)?.Value, out var id)
            ? await tokens.GetAsync(id, cancellationToken)
            : null;

    private static bool Allows(string? role, string policy) => policy switch
    {
        Policies.Admin => role is Policies.Admin,
        Policies.Write => role is Policies.Admin or Policies.Write,
        Policies.Read => role is Policies.Admin or Policies.Write or Policies.Read,
        _ => false,
    };
}

/// <summary>Ends what an open screen may see soon after its token was revoked.</summary>
public sealed class SessionRevalidation(ILoggerFactory loggers, TokenStore tokens) : RevalidatingServerAuthenticationStateProvider(loggers)
{
    /// <inheritdoc/>
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(authenticationState);
        try
        {
            return Guid.TryParse(authenticationState.User.FindFirst(DashboardAccess.TokenClaim)?.Value, out var id)
                && await tokens.GetAsync(id, cancellationToken) is { } row
                && authenticationState.User.IsInRole(row.Role);
        }
        catch (StorageUnavailableException)
        {
            // Not known now. What is done is asked about again when it is done.
            return true;
        }
    }
}
