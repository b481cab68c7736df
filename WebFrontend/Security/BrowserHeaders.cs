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

    public static IApplicationBuilder UseBrowserHeaders(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        context.Response.OnStarting(() =>
        {
            var headers = context.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers.TryAdd("Referrer-Policy", "same-origin");
            headers.TryAdd("Cross-Origin-Opener-Policy", "same-origin");
            headers.TryAdd("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
            headers.TryAdd("X-Frame-Options", "DENY");
            if (headers.ContentSecurityPolicy.Count == 0)
            {
                var isGuest = context.Request.Path.StartsWithSegments("/scalar") || context.Request.Path.StartsWithSegments("/admin/orleans");
                headers.ContentSecurityPolicy = isGuest ? Guests : Pages;
            }

            return Task.CompletedTask;
        });
        return next(context);
    });
}
