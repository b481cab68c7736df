using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// One-time sign-in links: a standalone server prints one to the terminal at startup. They are valid in this process only,
/// once, and for <see cref="WebOptions.SignInLinkLifetime"/>.
/// </summary>
public sealed class SignInLinks(IOptions<WebOptions> options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (string Token, DateTimeOffset Until)> _tokens = new();

    /// <summary>Creates a link for a token; returns its path.</summary>
    public string Issue(string token)
    {
        var code = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _tokens[code] = (token, time.GetUtcNow() + options.Value.SignInLinkLifetime);
        return $"{DashboardAccess.SignInPath}/{code}";
    }

    /// <summary>Maps the route of the links.</summary>
    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet(DashboardAccess.SignInPath + "/{code}", OpenAsync).AllowAnonymous().ExcludeFromDescription();

    private static async Task<IResult> OpenAsync(string code, HttpContext context, SignInLinks links, AttemptLimits limits)
    {
        context.Response.Headers.CacheControl = "no-store";
        DashboardAccess.RequireAttempt(context, limits, code);
        if (links.Take(code) is { } token)
        {
            return TypedResults.LocalRedirect(
                await DashboardAccess.SignInAsync(context, token) ? "/" : $"{DashboardAccess.SignInPath}?gone=true"
            );
        }

        limits.Failed(context, code, isSignIn: true);
        return TypedResults.LocalRedirect($"{DashboardAccess.SignInPath}?gone=true");
    }

    private string? Take(string code) => _tokens.TryRemove(code, out var link) && time.GetUtcNow() < link.Until ? link.Token : null;
}
