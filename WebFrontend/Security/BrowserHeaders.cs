namespace Shipinator.WebFrontend.Security;

/// <summary>What every answer tells a browser not to do.</summary>
internal static class BrowserHeaders
{
    // MudBlazor positions its popovers with style attributes. Images as data: are MudBlazor's too. Scripts come from files of ours alone.
    private const string Pages =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        + "form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

    // Pages of others that we serve (the API's description, Orleans' dashboard) bring scripts in their text.
    private const string Guests =
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        + "connect-src 'self'; frame-ancestors 'none'; base-uri 'self'";

    /// <summary>
    /// Behind something that ends TLS the requests come as http: what we send a browser to, and the cookies that it keeps, are
    /// those of the address that the operator named.
    /// </summary>
    public static IApplicationBuilder UsePublicScheme(this IApplicationBuilder app)
    {
        var scheme = app.ApplicationServices.GetRequiredService<IServerAddress>().PublicUrl.Scheme;
        return app.Use((context, next) =>
        {
            context.Request.Scheme = scheme;
            return next(context);
        });
    }

    public static IApplicationBuilder UseBrowserHeaders(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        context.Response.OnStarting(() =>
        {
            var headers = context.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers.TryAdd("Referrer-Policy", "same-origin");
            headers.TryAdd("Cross-Origin-Opener-Policy", "same-origin");
            headers.TryAdd("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
            headers.XFrameOptions = "DENY";
            // Blazor sets a smaller policy of its own: ours stands in its place.
            headers.ContentSecurityPolicy = context.Request.Path.StartsWithSegments("/scalar") || context.Request.Path.StartsWithSegments("/admin/orleans") ? Guests : Pages;
            return Task.CompletedTask;
        });
        return next(context);
    });
}
