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

    // What a build left or printed: a browser that shows it all the same runs nothing of it and gives it no address of ours.
    private const string Foreign = "sandbox; default-src 'none'; frame-ancestors 'none'";

    private static readonly object IsForeign = new();

    /// <summary>The answer holds what a user's program made, not a page of ours.</summary>
    public static void MarkForeign(this HttpContext context) => context.Items[IsForeign] = true;

    public static IApplicationBuilder UseBrowserHeaders(this IApplicationBuilder app)
    {
        var isHttps = app.ApplicationServices.GetRequiredService<IServerAddress>().PublicUrl.Scheme == Uri.UriSchemeHttps;
        return app.Use(
            (context, next) =>
            {
                context.Response.OnStarting(() =>
                {
                    var headers = context.Response.Headers;
                    headers.XContentTypeOptions = "nosniff";
                    headers.TryAdd("Referrer-Policy", "same-origin");
                    headers.TryAdd("Cross-Origin-Opener-Policy", "same-origin");
                    headers.TryAdd("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
                    headers.XFrameOptions = "DENY";
                    if (isHttps)
                    {
                        headers.StrictTransportSecurity = "max-age=31536000";
                    }

                    // Blazor sets a smaller policy of its own: ours stands in its place.
                    headers.ContentSecurityPolicy =
                        context.Items.ContainsKey(IsForeign) ? Foreign
                        : context.Request.Path.StartsWithSegments("/scalar") || context.Request.Path.StartsWithSegments("/admin/orleans")
                            ? Guests
                        : Pages;
                    return Task.CompletedTask;
                });
                return next(context);
            }
        );
    }
}
