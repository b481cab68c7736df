using System.Security.Claims;
using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Security;

/// <summary>The actor of a request.</summary>
public static class RequestActor
{
    /// <summary>The token of the request, or the browser session.</summary>
    public static Actor Actor(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Of(context.User);
    }

    /// <summary>The execution whose runner sent the request; null for other callers.</summary>
    public static ExecutionId? Execution(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.User.FindFirst(Policies.ExecutionClaim) is { } claim ? ExecutionId.Parse(claim.Value) : null;
    }

    private static Actor Of(ClaimsPrincipal user) =>
        new(
            user.HasClaim(c => c.Type == DashboardAccess.SessionClaim) ? ActorKind.Session : ActorKind.Token,
            user.Identity?.Name ?? "",
            Guid.TryParse(user.FindFirst(DashboardAccess.TokenClaim)?.Value, out var id) ? id : null
        );
}
