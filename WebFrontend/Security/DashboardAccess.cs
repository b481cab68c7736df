using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Shipinator.Schema.Stores;
using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Security;

/// <summary>Signs browsers in: a cookie stands for an API token, and has its rights for as long as the token is valid.</summary>
public static class DashboardAccess
{
    /// <summary>The scheme of the cookie.</summary>
    public const string CookieScheme = "Cookie";

    /// <summary>The claim with the id of the API token behind a cookie.</summary>
    public const string TokenClaim = "shipinator:token";

    /// <summary>The claim with the id of the browser session, which all tabs of one browser share.</summary>
    public const string SessionClaim = "shipinator:session";

    /// <summary>The claim of a user who was signed out, with the reason.</summary>
    public const string GoneClaim = "shipinator:gone";

    /// <summary>The path of the sign-in page.</summary>
    public const string SignInPath = "/signin";

    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(14);

    /// <summary>Registers the cookie and the keys that protect it.</summary>
    public static IServiceCollection AddDashboardAccess(this IServiceCollection services)
    {
        services
            .AddAuthentication()
            .AddCookie(
                CookieScheme,
                cookie =>
                {
                    cookie.Cookie.HttpOnly = true;
                    // Lax, not Strict: a link in a chat opens the run, not the sign-in page. Changes require our form or circuit.
                    cookie.Cookie.SameSite = SameSiteMode.Lax;
                    cookie.LoginPath = SignInPath;
                    cookie.AccessDeniedPath = "/forbidden";
                    cookie.ReturnUrlParameter = "return";
                    cookie.ExpireTimeSpan = Lifetime;
                    cookie.SlidingExpiration = true;
                    cookie.Events.OnValidatePrincipal = ValidateAsync;
                }
            );
        services
            .AddOptions<CookieAuthenticationOptions>(CookieScheme)
            .Configure<IServerAddress>(
                (cookie, address) =>
                {
                    var isHttps = address.PublicUrl.Scheme == Uri.UriSchemeHttps;
                    cookie.Cookie.SecurePolicy = isHttps ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
                    cookie.Cookie.Name = isHttps ? "__Host-shipinator" : $"shipinator-{address.PublicUrl.Port}";
                }
            );
        services.AddAntiforgery();
        services
            .AddOptions<AntiforgeryOptions>()
            .Configure<IServerAddress>(
                (form, address) =>
                {
                    var isHttps = address.PublicUrl.Scheme == Uri.UriSchemeHttps;
                    form.Cookie.Name = isHttps ? "__Host-shipinator-form" : "shipinator-form";
                    form.Cookie.SecurePolicy = isHttps ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
                }
            );
        services.AddDataProtection().SetApplicationName("Shipinator");
        services.AddSingleton<KeyRing>();
        services.AddOptions<KeyManagementOptions>().Configure<KeyRing>((o, ring) => o.XmlRepository = ring);
        services.AddSingleton<SignInLinks>();
        return services;
    }

    /// <summary>
    /// Signs a browser in with an API token; false when the token is invalid. Errors: <see cref="RateLimitedException"/> when this address
    /// has sent too many invalid ones.
    /// </summary>
    public static async Task<bool> SignInAsync(HttpContext context, string token)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(token);
        var services = context.RequestServices;
        var limits = services.GetRequiredService<AttemptLimits>();
        RequireAttempt(context, limits, token);
        var row = token.Length is > 0 and <= 512
            ? await services.GetRequiredService<TokenStore>().FindAsync(token, context.RequestAborted)
            : null;
        if (row is null)
        {
            limits.Failed(context, token, isSignIn: true);
            return false;
        }

        limits.Succeeded(token);
        var session = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        await services.GetRequiredService<BrowserSessionStore>().CreateAsync(session, row.Id, Lifetime, context.RequestAborted);
        await context.SignInAsync(CookieScheme, Principal(row, session), new AuthenticationProperties { IsPersistent = true });
        return true;
    }

    /// <summary>Signs the browser out: all its tabs, at every server.</summary>
    public static async Task SignOutAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        await context.AuthenticateAsync(CookieScheme);
        if (context.Items[SessionClaim] is string session)
        {
            await context.RequestServices.GetRequiredService<BrowserSessionStore>().EndAsync(session, context.RequestAborted);
        }

        await context.SignOutAsync(CookieScheme);
    }

    /// <summary>Errors: <see cref="RateLimitedException"/> when this address has sent too many invalid tokens.</summary>
    internal static void RequireAttempt(HttpContext context, AttemptLimits limits, string token)
    {
        if (limits.MustWait(context, token, isSignIn: true) is { } wait)
        {
            throw new RateLimitedException(
                "too_many_attempts",
                $"Too many invalid tokens were sent from this address; try again in {Math.Ceiling(wait.TotalSeconds):0} s.",
                wait
            );
        }
    }

    /// <summary>The user of a session.</summary>
    public static ClaimsPrincipal Principal(TokenRow row, string session)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new(
            new ClaimsIdentity(
                [
                    new(TokenClaim, row.Id.ToString()),
                    new(ClaimTypes.Role, row.Role),
                    new(ClaimTypes.Name, row.Name),
                    new(SessionClaim, session),
                ],
                CookieScheme
            )
        );
    }

    /// <summary>A user who was signed out, with the reason.</summary>
    public static ClaimsPrincipal Gone(string why) => new(new ClaimsIdentity([new(GoneClaim, why)]));

    /// <summary>The local path to open after signing in; anything but a local path becomes <c>/</c>.</summary>
    public static string LocalPath(string? wanted) =>
        wanted is ['/', ..]
        && wanted is not ['/', '/' or '\\', ..]
        && !wanted.Any(char.IsControl)
        && wanted.Length <= 2000
        // In its ASCII form, as headers need it.
        && Uri.TryCreate("http://localhost" + wanted, UriKind.Absolute, out var url)
        && url.Host == "localhost"
        && url.PathAndQuery is not ['/', '/' or '\\', ..]
            ? url.PathAndQuery + url.Fragment
            : "/";

    /// <summary>A revoked token or a changed role takes effect immediately, not when the cookie expires.</summary>
    private static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        // Files and anonymous endpoints need no query of the database.
        var endpoint = context.HttpContext.GetEndpoint();
        if (
            endpoint is null
                ? !Dashboard.DashboardServices.IsPageRequest(context.HttpContext)
                : endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null
        )
        {
            // The sign-out page is anonymous, but needs the session to end.
            context.HttpContext.Items[SessionClaim] = context.Principal?.FindFirst(SessionClaim)?.Value;
            context.RejectPrincipal();
            return;
        }

        var sessions = context.HttpContext.RequestServices.GetRequiredService<BrowserSessionStore>();
        var session = context.Principal?.FindFirst(SessionClaim)?.Value;
        var row = session is null ? null : await sessions.FindAsync(session, context.HttpContext.RequestAborted);
        if (session is null || row is null)
        {
            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(CookieScheme);
            return;
        }

        context.ReplacePrincipal(Principal(row, session));
        if (
            context.Properties.IssuedUtc is { } issued
            && context.HttpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow() - issued > TimeSpan.FromDays(1)
        )
        {
            // The cookie slides as well, at half of its lifetime.
            await sessions.ExtendAsync(session, Lifetime, context.HttpContext.RequestAborted);
        }
    }
}
