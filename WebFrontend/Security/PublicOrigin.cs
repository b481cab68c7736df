using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// By which address browsers know this server: the one that the operator named. A server that was given none is known by loopback
/// addresses and by the numbers of its machine, which nobody else's name can stand for.
/// </summary>
internal sealed class PublicOrigin(IServerAddress address)
{
    /// <summary>Where the circuits of open pages connect.</summary>
    public const string CircuitPath = "/_blazor";

    private readonly Uri _public = address.PublicUrl;

    /// <summary>
    /// Whether a page at this origin is ours. <paramref name="host"/>: by what the request itself named the server.
    /// </summary>
    public bool IsOurs(string origin, HostString host)
    {
        if (
            !Uri.TryCreate(origin, UriKind.Absolute, out var page)
            || origin.TrimEnd('/') != page.GetLeftPart(UriPartial.Authority)
            || origin.EndsWith('/')
            || page.UserInfo.Length > 0
            || page.Scheme != _public.Scheme
        )
        {
            return false;
        }

        return IsPublic(page.Host, page.Port)
            || (_public.IsLoopback && page.IsLoopback && page.Port == _public.Port)
            || (IsNumbered(host) && page.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The host to name in addresses that are sent to a browser: never one that only the request claims.</summary>
    public HostString HostFor(HostString asked) =>
        asked.HasValue && (IsPublic(asked.Host, asked.Port ?? DefaultPort) || IsNumbered(asked))
            ? asked
            : new HostString(_public.Authority);

    private bool IsPublic(string host, int port) => port == _public.Port && host.Equals(_public.Host, StringComparison.OrdinalIgnoreCase);

    private int DefaultPort => _public.Scheme == Uri.UriSchemeHttps ? 443 : 80;

    /// <summary>An address of the machine itself, at a server that was given no name.</summary>
    private bool IsNumbered(HostString host) =>
        _public.IsLoopback
        && host.HasValue
        && (IPAddress.TryParse(host.Host.Trim('[', ']'), out _) || host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase));
}

/// <summary>Refuses what a page of another site makes a browser send.</summary>
internal static class OriginCheck
{
    /// <summary>
    /// Behind something that ends TLS the requests come as http: what we send a browser to, and the cookies that it keeps, are
    /// those of the address that the operator named.
    /// </summary>
    public static IApplicationBuilder UsePublicOrigin(this IApplicationBuilder app)
    {
        var address = app.ApplicationServices.GetRequiredService<IServerAddress>();
        var ours = new PublicOrigin(address);
        return app.Use(
            (context, next) =>
            {
                if (IsForeign(context, ours))
                {
                    return ProblemHandler
                        .Problem(
                            403,
                            "origin_refused",
                            $"A page at '{Api.Fields.Short(context.Request.Headers.Origin.ToString())}' may not use this server, which is known as {address.PublicUrl}. If that is not its address, set Shipinator:PublicUrl."
                        )
                        .ExecuteAsync(context);
                }

                context.Request.Scheme = address.PublicUrl.Scheme;
                context.Request.Host = ours.HostFor(context.Request.Host);
                return next(context);
            }
        );
    }

    /// <summary>
    /// WebSockets know no same-origin policy, so they must name a page of ours, as every browser does. Circuits and forms must not name
    /// another one; forms are held by their own token, too. The API is for tokens in headers, which no page of another site has.
    /// </summary>
    private static bool IsForeign(HttpContext context, PublicOrigin ours)
    {
        var origin = context.Request.Headers.Origin;
        if (IsWebSocket(context))
        {
            return !IsOurs(origin);
        }

        var isReading = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        var isForPages =
            context.Request.Path.StartsWithSegments(PublicOrigin.CircuitPath)
            || (!isReading && !context.Request.Path.StartsWithSegments("/v1"));
        return isForPages && origin.Count > 0 && !IsOurs(origin);

        bool IsOurs(StringValues given) => given is [{ } one] && ours.IsOurs(one, context.Request.Host);
    }

    private static bool IsWebSocket(HttpContext context) =>
        context.Request.Headers.Upgrade.ToString().Contains("websocket", StringComparison.OrdinalIgnoreCase)
        || context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true };
}
