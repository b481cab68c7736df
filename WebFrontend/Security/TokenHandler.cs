using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Security;

/// <summary>Authenticates bearer tokens: API tokens (<c>shp_</c>) and execution tokens (<c>shx_</c>).</summary>
public sealed class TokenHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    TokenStore tokens,
    IExecutionTokens executionTokens,
    AttemptLimits limits
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    private const string Prefix = "Bearer ";
    private static readonly object MustWait = new();

    /// <inheritdoc/>
    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return AuthenticateResult.NoResult();
        }

        var token = header[Prefix.Length..].Trim();
        // Checked without the database, so that the limit of an address never delays runners.
        if (executionTokens.Verify(token) is { } execution)
        {
            return Success(new Claim(Policies.ExecutionClaim, execution.ToString()), new Claim(ClaimTypes.Name, "runner"));
        }

        if (limits.MustWait(Context, token, isSignIn: false) is { } wait)
        {
            Context.Items[MustWait] = wait;
            return AuthenticateResult.Fail("Too many invalid tokens were sent from this address.");
        }

        var row =
            token.Length is > 0 and <= 512 && !token.StartsWith("shx_", StringComparison.Ordinal)
                ? await tokens.FindAsync(token, Context.RequestAborted)
                : null;
        if (row is null)
        {
            limits.Failed(Context, token, isSignIn: false);
            return AuthenticateResult.Fail("The token is invalid.");
        }

        limits.Succeeded(token);

        if (row.LastUsedAt is null || TimeProvider.GetUtcNow() - row.LastUsedAt > TimeSpan.FromMinutes(1))
        {
            await tokens.TouchAsync(row.Id, Context.RequestAborted);
        }

        return Success(
            new Claim(DashboardAccess.TokenClaim, row.Id.ToString()),
            new Claim(ClaimTypes.Role, row.Role),
            new Claim(ClaimTypes.Name, row.Name)
        );
    }

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (Context.Items[MustWait] is TimeSpan wait)
        {
            return Problem
                .TooMany(
                    Context,
                    "too_many_attempts",
                    "Too many invalid tokens were sent from this address; wait for the time given in Retry-After, then try again.",
                    wait
                )
                .ExecuteAsync(Context);
        }

        Response.Headers.WWWAuthenticate = "Bearer realm=\"Shipinator\"";
        return Problem
            .Of(401, "unauthenticated", "A valid API token is required; send it as 'Authorization: Bearer …'.")
            .ExecuteAsync(Context);
    }

    /// <inheritdoc/>
    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Problem.Of(403, "forbidden", "The role of this token does not allow the request.").ExecuteAsync(Context);

    private AuthenticateResult Success(params Claim[] claims) =>
        AuthenticateResult.Success(new(new ClaimsPrincipal(new ClaimsIdentity(claims, Scheme.Name)), Scheme.Name));
}
