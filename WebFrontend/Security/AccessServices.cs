using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;

namespace Shipinator.WebFrontend.Security;

/// <summary>Registers authentication and authorization.</summary>
internal static class AccessServices
{
    /// <summary>The scheme that chooses between a token and a browser's cookie.</summary>
    private const string Either = "Either";

    /// <summary>Registers authentication schemes and policies.</summary>
    public static IServiceCollection AddAccess(this IServiceCollection services)
    {
        services
            .AddAuthentication(Either)
            .AddScheme<AuthenticationSchemeOptions, TokenHandler>(Policies.Scheme, null)
            .AddPolicyScheme(Either, null, o => o.ForwardDefaultSelector = Choose);
        services
            .AddAuthorizationBuilder()
            .SetFallbackPolicy(new AuthorizationPolicyBuilder(Either).RequireAssertion(_ => false).Build())
            .AddPolicy(Policies.Read, p => p.RequireRole("read", "write", "admin"))
            .AddPolicy(Policies.Write, p => p.RequireRole("write", "admin"))
            .AddPolicy(Policies.Admin, p => p.RequireRole("admin"))
            .AddPolicy(
                Policies.ReadOrExecution,
                p =>
                    p.RequireAssertion(c =>
                        c.User.IsInRole("read")
                        || c.User.IsInRole("write")
                        || c.User.IsInRole("admin")
                        || c.User.HasClaim(k => k.Type == Policies.ExecutionClaim)
                    )
            )
            .AddPolicy(
                Policies.Execution,
                p =>
                    p.RequireAssertion(c =>
                        c.Resource is HttpContext http
                        && http.GetRouteValue("id") is string id
                        && c.User.HasClaim(Policies.ExecutionClaim, id)
                    )
            );
        return services;
    }

    /// <summary>
    /// A cookie is accepted for pages and for reading the API. Changes through the API need a token in a header, which no other site can
    /// make a browser send.
    /// </summary>
    private static string Choose(HttpContext context)
    {
        var isApi = context.Request.Path.StartsWithSegments("/v1");
        var isReading = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        return
            context.Request.Headers.Authorization.Count > 0
            || (isApi && !isReading)
            || (isApi && !context.Request.Headers.Cookie.ToString().Contains("shipinator", StringComparison.Ordinal))
            ? Policies.Scheme
            : DashboardAccess.CookieScheme;
    }
}
