using System.Net;
using System.Text;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>
/// What a person sees of a failure that no page of the dashboard could show: plain text in our look, without a circuit or the
/// database. While the server can't answer now, it is loaded again by itself.
/// </summary>
internal static class ProblemPage
{
    /// <summary>Whether a person asked, with a browser, and for a page.</summary>
    public static bool IsWanted(HttpContext context) =>
        context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments("/v1");

    public static async Task WriteAsync(HttpContext context, int status, string detail)
    {
        var (title, isPassing) = status switch
        {
            StatusCodes.Status503ServiceUnavailable => ("Shipinator can't answer now", true),
            StatusCodes.Status400BadRequest => ("That was not understood", false),
            >= 500 => ("Something went wrong", false),
            _ => ("That is not possible", false),
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
              {(isPassing ? "<script src=\"/_content/Shipinator.WebFrontend/reload-when-ready.js\"></script>" : "")}
            </head>
            <body>
              <main class="signin">
                <img src="/_content/Shipinator.WebFrontend/icon.svg" alt="" width="56" height="56" />
                <h1>{title}</h1>
                <p role="alert">{WebUtility.HtmlEncode(detail)}</p>
                <p class="sub">{(
                isPassing ? "This page comes back by itself. Runs go on meanwhile; nothing is lost." : ""
            )} <a href="/">To the overview</a></p>
              </main>
            </body>
            </html>
            """,
            Encoding.UTF8
        );
    }
}
