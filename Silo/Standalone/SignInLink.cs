using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Shipinator.Silo.Standalone;

/// <summary>
/// The link that a standalone server prints at its start: opened once, it shows the person at this machine an API token;
/// after that it is gone.
/// </summary>
public sealed class SignInLink(string token)
{
    private readonly string _code = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
    private int _used;

    /// <summary>The path below the server's address.</summary>
    public string Path => $"/signin/{_code}";

    /// <summary>Serves the link.</summary>
    public void Map(WebApplication app) => app.MapGet("/signin/{code}", Open).AllowAnonymous().ExcludeFromDescription();

    private IResult Open(string code, HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
        var matches = CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(code), Encoding.UTF8.GetBytes(_code));
        if (!matches || Interlocked.Exchange(ref _used, 1) == 1)
        {
            return Page(StatusCodes.Status410Gone, "This link is gone", "<p>It works once. Start the server again for a new one.</p>");
        }

        return Page(StatusCodes.Status200OK, "You are in", $"""
            <p>Your API token; this page is shown once:</p>
            <pre>{WebUtility.HtmlEncode(token)}</pre>
            <p>Use it as <code>Authorization: Bearer …</code>, as <code>SHIPINATOR_TOKEN</code>, or with <code>shipinator login</code>.
            The API is described at <a href="/scalar">/scalar</a>.</p>
            """);
    }

    private static IResult Page(int status, string title, string body) => Results.Content(
        $$"""
        <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shipinator: {{title}}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <style>
        body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
        pre{padding:1rem;background:#f0f2f5;overflow:auto}
        @media(prefers-color-scheme:dark){body{color:#eee;background:#14161a}pre{background:#23262d}a{color:#8ab4f8} }
        </style></head><body><h1>{{title}}</h1>{{body}}</body></html>
        """,
        "text/html; charset=utf-8", Encoding.UTF8, status);
}
