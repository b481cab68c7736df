using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Shipinator.Schema.Stores;
using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Security;

/// <summary>The signed-in user of a page, and their permissions, which are checked in the database at every action.</summary>
public sealed class Session(AuthenticationStateProvider authentication, BrowserSessionStore sessions)
{
    /// <summary>Whether to show the controls that need a policy.</summary>
    public async Task<bool> MayAsync(string policy) =>
        Allows((await authentication.GetAuthenticationStateAsync()).User.FindFirst(ClaimTypes.Role)?.Value, policy);

    /// <summary>
    /// The actor of this session, if its token still has the rights. Errors: <see cref="InvalidInputException"/> <c>forbidden</c>.
    /// </summary>
    public async Task<Actor> RequireAsync(string policy, CancellationToken cancellationToken = default)
    {
        var session = (await authentication.GetAuthenticationStateAsync()).User.FindFirst(DashboardAccess.SessionClaim)?.Value;
        var row = session is null ? null : await sessions.FindAsync(session, cancellationToken);
        return row is not null && Allows(row.Role, policy)
            ? new(ActorKind.Session, row.Name, row.Id)
            : throw new InvalidInputException(
                "forbidden",
                row is null
                    ? "You are signed out, because your token was revoked or you signed out in another tab. Sign in again."
                    : $"The role of your token is '{row.Role}', which does not allow this; it needs '{policy}'."
            );
    }

    private static bool Allows(string? role, string policy) =>
        policy switch
        {
            Policies.Admin => role is Policies.Admin,
            Policies.Write => role is Policies.Admin or Policies.Write,
            Policies.Read => role is Policies.Admin or Policies.Write or Policies.Read,
            _ => false,
        };
}
