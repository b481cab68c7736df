using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Links that sign in whoever opens them first: a standalone server prints one at its start for the person at its terminal.
/// They live in this process alone and work once.
/// </summary>
public sealed class SignInLinks
{
    private readonly ConcurrentDictionary<string, string> _tokens = new();

    /// <summary>A new link for a token: its path below the server's address.</summary>
    public string Issue(string token)
    {
        var code = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _tokens[code] = token;
        return $"{DashboardAccess.SignInPath}/{code}";
    }

    /// <summary>Serves the links.</summary>
    public static void Map(IEndpointRouteBuilder app) => app.MapGet(DashboardAccess.SignInPath + "/{code}", OpenAsync).AllowAnonymous().ExcludeFromDescription();

    private static async Task<IResult> OpenAsync(string code, HttpContext context, SignInLinks links)
    {
        context.Response.Headers.CacheControl = "no-store";
        return links._tokens.TryRemove(code, out var token) && await DashboardAccess.SignInAsync(context, token)
            ? TypedResults.LocalRedirect("/")
            : TypedResults.LocalRedirect($"{DashboardAccess.SignInPath}?gone=true");
    }
}
