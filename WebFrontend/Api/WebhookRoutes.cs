using Microsoft.AspNetCore.Mvc;
using Shipinator.Client;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/webhooks</c>: what forges call. Authenticated by the signature, not by a token.</summary>
internal static class WebhookRoutes
{
    private static readonly string[] Others = ["GET", "HEAD", "PUT", "PATCH", "DELETE"];

    public static void MapWebhooks(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/webhooks/{repository_id}", ReceiveAsync)
            .AllowAnonymous()
            .WithTags("Webhooks")
            .Produces<DeliveryAcceptedResponse>(StatusCodes.Status202Accepted);
        v1.MapMethods(
                "/webhooks/{repository_id}",
                Others,
                (HttpContext context) =>
                {
                    context.Response.Headers.Allow = "POST";
                    return Problem.Of(405, "method_not_allowed", "Webhooks are received by POST only.");
                }
            )
            .AllowAnonymous()
            .ExcludeFromDescription();
    }

    private static async Task<IResult> ReceiveAsync(
        HttpContext context,
        [FromRoute(Name = "repository_id")] string repository,
        WebhookReceiver receiver
    )
    {
        var (stored, refusal) = await receiver.ReceiveAsync(context, repository);
        return refusal
            ?? TypedResults.Accepted(
                $"/v1/deliveries/{stored!.Id}",
                new DeliveryAcceptedResponse { Id = stored.Id.ToString(), IsRepeat = stored.IsRepeat }
            );
    }
}
