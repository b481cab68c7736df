using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Shipinator.Schema;
using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>
/// Refuses, before routing, text that the database can't store (NUL characters and lone surrogates) in the path, query, headers and forms,
/// and bodies in a charset other than UTF-8. <see cref="RequestJson"/> does the same for JSON.
/// </summary>
internal static class RequestText
{
    public static IApplicationBuilder UseRequestText(this IApplicationBuilder app) =>
        app.Use(
            async (context, next) =>
            {
                var request = context.Request;
                Require(request.Path.Value, "path");
                foreach (var (name, values) in request.Query)
                {
                    Require(name, "query");
                    foreach (var value in values)
                    {
                        Require(value, name);
                    }
                }

                foreach (var (name, values) in request.Headers)
                {
                    foreach (var value in values)
                    {
                        Require(value, name);
                    }
                }

                RequireCharset(request.ContentType);
                // The API accepts no forms; its routes refuse them after authentication.
                if (request.HasFormContentType && !request.Path.StartsWithSegments("/v1"))
                {
                    await RequireFormAsync(request, context.RequestAborted);
                }

                await next(context);
            }
        );

    private static void Require(string? text, string field)
    {
        if (StorableText.Flaw(text) is { } flaw)
        {
            throw new MalformedException(StorableText.Code, field, $"{field} {flaw}.");
        }
    }

    private static void RequireCharset(string? contentType)
    {
        if (
            MediaTypeHeaderValue.TryParse(contentType, out var type)
            && type.Charset.HasValue
            && !HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        )
        {
            throw new BadHttpRequestException(
                $"The charset of the body must be utf-8, but was '{Fields.Excerpt(type.Charset.ToString())}'.",
                StatusCodes.Status415UnsupportedMediaType
            );
        }
    }

    private static async Task RequireFormAsync(HttpRequest request, CancellationToken cancellation)
    {
        try
        {
            if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            {
                // The only forms are sign-in and sign-out.
                limit.MaxRequestBodySize = 64 * 1024;
            }

            foreach (var (name, values) in await request.ReadFormAsync(cancellation))
            {
                Require(name, "form");
                foreach (var value in values)
                {
                    Require(value, name);
                }
            }
        }
        catch (Exception e)
            when (e is InvalidDataException or IOException and not BadHttpRequestException && !cancellation.IsCancellationRequested)
        {
            // Too many or too long fields, or an incomplete part.
            throw new BadHttpRequestException($"The form can't be read: {e.Message}", e);
        }
    }
}
