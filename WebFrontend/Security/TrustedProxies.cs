using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace Shipinator.WebFrontend.Security;

/// <summary>The proxies whose forwarded headers are trusted.</summary>
public static class TrustedProxies
{
    /// <summary>
    /// Takes the client's address from <c>X-Forwarded-For</c> when the request comes from a configured proxy; otherwise the header is
    /// ignored. Host and scheme are never taken from a header, but from the configured public URL.
    /// </summary>
    internal static IApplicationBuilder UseTrustedProxies(this IApplicationBuilder app)
    {
        var proxies = app.ApplicationServices.GetRequiredService<IOptions<WebOptions>>().Value.TrustedProxies;
        if (proxies.Count == 0)
        {
            return app;
        }

        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor, ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (
            var network in proxies.Select(p =>
                TryParse(p) ?? throw new FormatException($"'{p}' is not an IP address or a network such as 10.0.0.0/8.")
            )
        )
        {
            options.KnownIPNetworks.Add(network);
        }

        return app.UseForwardedHeaders(options);
    }

    /// <summary>An IP address (<c>10.0.0.5</c>) or a network (<c>10.0.0.0/8</c>); null for anything else.</summary>
    public static System.Net.IPNetwork? TryParse(string text) =>
        System.Net.IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new System.Net.IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;
}
