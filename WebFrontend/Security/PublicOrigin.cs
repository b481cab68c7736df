using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Shipinator.Triggers;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// The origins of this server's own pages: that of the configured public URL. Without one, loopback names and the IP addresses of the
/// machine, which no foreign host name can claim.
/// </summary>
internal sealed class PublicOrigin(IServerAddress address)
{
    /// <summary>The path to which the circuits of open pages connect.</summary>
    public const string CircuitPath = "/_blazor";

    private readonly Uri _public = address.PublicUrl;

    /// <summary>
    /// Whether an origin belongs to this server. <paramref name="host"/>: the Host header of the request.
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
            || (IsMachineAddress(host) && page.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The host for URLs that are sent to a browser; the Host header of the request is not trusted.</summary>
    public HostString HostFor(HostString asked) =>
        asked.HasValue && (IsPublic(asked.Host, asked.Port ?? DefaultPort) || IsMachineAddress(asked))
            ? asked
            : new HostString(_public.Authority);

    private bool IsPublic(string host, int port) => port == _public.Port && host.Equals(_public.Host, StringComparison.OrdinalIgnoreCase);

    private int DefaultPort => _public.Scheme == Uri.UriSchemeHttps ? 443 : 80;

    /// <summary>An IP address or localhost, on a server without a configured public URL.</summary>
    private bool IsMachineAddress(HostString host) =>
        _public.IsLoopback
        && host.HasValue
        && (IPAddress.TryParse(host.Host.Trim('[', ']'), out _) || host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase));
}

/// <summary>Refuses cross-site requests of browsers.</summary>
internal static class OriginCheck
{
    /// <summary>
    /// Behind a TLS proxy requests arrive as http; redirects and cookies use the scheme and host of the configured public URL.
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
                    return Problem
                        .Of(
                            403,
                            "origin_refused",
                            $"Origin '{Fields.Excerpt(context.Request.Headers.Origin.ToString())}' does not match this server's address, "
                                + $"{address.PublicUrl}; if the server has another public address, set Shipinator:PublicUrl."
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
    /// WebSockets have no same-origin policy, so they must send this server's origin, as browsers do. Circuits and forms must not send
    /// another one; forms are protected by an antiforgery token as well. The API needs a token in a header, which no other site has.
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
