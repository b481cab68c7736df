using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Events;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>Webhook deliveries: list, show, process again.</summary>
internal static class DeliveryRoutes
{
    public static void MapDeliveries(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/repositories/{id}/deliveries", ListAsync).RequireAuthorization(Policies.Read).WithTags("Deliveries");
        var group = v1.MapGroup("/deliveries/{id}").WithTags("Deliveries");
        group
            .MapGet(
                "",
                async (string id, DeliveryStore store, CancellationToken cancellation) =>
                    DeliveryResponses.Of(
                        await store.GetAsync(Ids.Parse<DeliveryId>(id), cancellation) ?? throw new NotFoundException("delivery", id)
                    )
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPost(
                "/process",
                async (string id, HttpContext context, DeliveryInbox inbox, CancellationToken cancellation) =>
                    DeliveryResponses.Of(await inbox.ProcessAgainAsync(Ids.Parse<DeliveryId>(id), context.Actor(), cancellation))
            )
            .RequireAuthorization(Policies.Write);
    }

    private static async Task<PageResponse<DeliveryResponse>> ListAsync(
        string id,
        int? limit,
        string? cursor,
        RepositoryStore repositories,
        DeliveryStore store,
        CancellationToken cancellation
    )
    {
        var repository = Ids.Parse<RepositoryId>(id);
        _ = await repositories.GetAsync(repository, cancellation) ?? throw new NotFoundException("repository", id);
        return PageResponses.Page(await store.ListAsync(repository, new PageRequest(limit, cursor), cancellation), DeliveryResponses.Of);
    }
}
