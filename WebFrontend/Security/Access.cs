using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Security;

/// <summary>Who may do what. An endpoint without one of these is refused to everybody.</summary>
public static class Policies
{
    /// <summary>See everything.</summary>
    public const string Read = "read";

    /// <summary>Also change things and run pipelines.</summary>
    public const string Write = "write";

    /// <summary>Also tokens and deletions.</summary>
    public const string Admin = "admin";

    /// <summary>The runner of the execution that the route names.</summary>
    public const string Execution = "execution";

    /// <summary>A reader, or the runner of any execution that is at work.</summary>
    public const string ReadOrExecution = "read-or-execution";

    /// <summary>The claim that names a runner's execution.</summary>
    public const string ExecutionClaim = "shipinator:execution";

    /// <summary>The name of our authentication scheme.</summary>
    public const string Scheme = "Bearer";

    /// <summary>Chooses between a token and a browser's cookie.</summary>
    private const string Either = "Either";

    /// <summary>Registers scheme and policies.</summary>
    public static IServiceCollection AddAccess(this IServiceCollection services)
    {
        services
            .AddAuthentication(Either)
            .AddScheme<AuthenticationSchemeOptions, TokenHandler>(Scheme, null)
            .AddPolicyScheme(Either, null, o => o.ForwardDefaultSelector = Choose);
        services
            .AddAuthorizationBuilder()
            .SetFallbackPolicy(new AuthorizationPolicyBuilder(Either).RequireAssertion(_ => false).Build())
            .AddPolicy(Read, p => p.RequireRole("read", "write", "admin"))
            .AddPolicy(Write, p => p.RequireRole("write", "admin"))
            .AddPolicy(Admin, p => p.RequireRole("admin"))
            .AddPolicy(
                ReadOrExecution,
                p =>
                    p.RequireAssertion(c =>
                        c.User.IsInRole("read")
                        || c.User.IsInRole("write")
                        || c.User.IsInRole("admin")
                        || c.User.HasClaim(k => k.Type == ExecutionClaim)
                    )
            )
            .AddPolicy(
                Execution,
                p =>
                    p.RequireAssertion(c =>
                        c.Resource is HttpContext http && http.GetRouteValue("id") is string id && c.User.HasClaim(ExecutionClaim, id)
                    )
            );
        return services;
    }

    /// <summary>
    /// A cookie counts for pages and for reading; whatever changes something through the API needs a token in its header, which no
    /// other site can make a browser send.
    /// </summary>
    private static string Choose(HttpContext context)
    {
        var isApi = context.Request.Path.StartsWithSegments("/v1");
        var isReading = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        return
            context.Request.Headers.Authorization.Count > 0
            || (isApi && !isReading)
            || (isApi && !context.Request.Headers.Cookie.ToString().Contains("shipinator", StringComparison.Ordinal))
            ? Scheme
            : DashboardAccess.CookieScheme;
    }
}

/// <summary>Bearer tokens: a person's (<c>shp_</c>) or one execution's (<c>shx_</c>).</summary>
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
        // Checked without the database, so runners are never kept waiting by others at their address.
        if (executionTokens.Verify(token) is { } execution)
        {
            return Success(new Claim(Policies.ExecutionClaim, execution.ToString()), new Claim(ClaimTypes.Name, "runner"));
        }

        if (limits.MustWait(Context, token, isSignIn: false) is { } wait)
        {
            Context.Items[MustWait] = wait;
            return AuthenticateResult.Fail("Too many wrong tokens were tried from this address.");
        }

        var row =
            token.Length is > 0 and <= 512 && !token.StartsWith("shx_", StringComparison.Ordinal)
                ? await tokens.FindAsync(token, Context.RequestAborted)
                : null;
        if (row is null)
        {
            limits.Failed(Context, token, isSignIn: false);
            return AuthenticateResult.Fail("No token of ours.");
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
            return ProblemHandler
                .TooMany(Context, "too_many_attempts", "Too many wrong tokens were tried from this address; try again later.", wait)
                .ExecuteAsync(Context);
        }

        Response.Headers.WWWAuthenticate = "Bearer realm=\"Shipinator\"";
        return ProblemHandler
            .Problem(401, "unauthenticated", "A valid token is needed: send it as 'Authorization: Bearer …'.")
            .ExecuteAsync(Context);
    }

    /// <inheritdoc/>
    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        ProblemHandler.Problem(403, "forbidden", "This token may not do that.").ExecuteAsync(Context);

    private AuthenticateResult Success(params Claim[] claims) =>
        AuthenticateResult.Success(new(new ClaimsPrincipal(new ClaimsIdentity(claims, Scheme.Name)), Scheme.Name));
}

/// <summary>Who a request speaks for.</summary>
public static class ActorExtensions
{
    /// <summary>As the history names it.</summary>
    public static string Actor(this HttpContext context) => $"token:{context.User.Identity?.Name}";

    /// <summary>The runner's execution, when a runner asks.</summary>
    public static ExecutionId? Execution(this HttpContext context) =>
        context.User.FindFirst(Policies.ExecutionClaim) is { } claim ? ExecutionId.Parse(claim.Value) : null;
}
