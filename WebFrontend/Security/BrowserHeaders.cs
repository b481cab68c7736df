namespace Shipinator.WebFrontend.Security;

/// <summary>The security headers of every response.</summary>
internal static class BrowserHeaders
{
    // MudBlazor needs style attributes for its popovers and data: images. Scripts come from our own files only.
    private const string Pages =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
        + "connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

    // Third-party pages that we serve (the API reference, the Orleans dashboard) contain inline scripts.
    private const string ThirdParty =
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        + "font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'";

    // Artifacts and logs: a browser that renders them runs no script and gives them no origin.
    private const string Foreign = "sandbox; default-src 'none'; frame-ancestors 'none'";

    private static readonly object IsForeign = new();

    /// <summary>The response contains the output of a user's program.</summary>
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

                    // Replaces the smaller policy that Blazor sets.
                    headers.ContentSecurityPolicy =
                        context.Items.ContainsKey(IsForeign) ? Foreign
                        : context.Request.Path.StartsWithSegments("/scalar") || context.Request.Path.StartsWithSegments("/admin/orleans")
                            ? ThirdParty
                        : Pages;
                    return Task.CompletedTask;
                });
                return next(context);
            }
        );
    }
}
