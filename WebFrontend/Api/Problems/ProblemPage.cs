using System.Net;
using System.Text;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>
/// The error page of failures outside the dashboard's own pages. It needs neither a circuit nor the database; for a 503 it reloads itself.
/// </summary>
internal static class ProblemPage
{
    /// <summary>Whether a browser asks for a page.</summary>
    public static bool IsWanted(HttpContext context) =>
        context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments("/v1");

    public static async Task WriteAsync(HttpContext context, int status, string detail)
    {
        var (title, isTemporary) = status switch
        {
            StatusCodes.Status503ServiceUnavailable => ("Shipinator is temporarily unavailable", true),
            StatusCodes.Status400BadRequest => ("Invalid request", false),
            >= 500 => ("Internal server error", false),
            _ => ("The request was refused", false),
        };
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(
            $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
              <meta charset="utf-8" />
              <meta name="viewport" content="width=device-width, initial-scale=1" />
              <title>{title}: Shipinator</title>
              <link rel="stylesheet" href="/_content/Shipinator.WebFrontend/app.css" />
              <link rel="icon" type="image/svg+xml" href="/_content/Shipinator.WebFrontend/icon.svg" />
              <script src="/_content/Shipinator.WebFrontend/theme.js"></script>
              {(isTemporary ? "<script src=\"/_content/Shipinator.WebFrontend/reload-when-ready.js\"></script>" : "")}
            </head>
            <body>
              <main class="signin">
                <img src="/_content/Shipinator.WebFrontend/icon.svg" alt="" width="56" height="56" />
                <h1>{title}</h1>
                <p role="alert">{WebUtility.HtmlEncode(detail)}</p>
                <p class="sub">{(
                isTemporary ? "This page reloads automatically. Runs continue in the meantime." : ""
            )} <a href="/">Go to overview</a></p>
              </main>
            </body>
            </html>
            """,
            Encoding.UTF8
        );
    }
}
