using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Schedules;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/schedules</c>, and the schedules of a repository.</summary>
internal static class ScheduleRoutes
{
    public static void MapSchedules(this IEndpointRouteBuilder v1)
    {
        v1.MapGet(
                "/repositories/{id}/schedules",
                async (string id, RepositoryStore repositories, ScheduleStore schedules, CancellationToken cancellation) =>
                {
                    var repository = Ids.Parse<RepositoryId>(id);
                    _ = await repositories.GetAsync(repository, cancellation) ?? throw new NotFoundException("repository", id);
                    return PageResponses.All(await schedules.ListAsync(repository, cancellation), ScheduleResponses.Of);
                }
            )
            .RequireAuthorization(Policies.Read)
            .WithTags("Schedules");
        var group = v1.MapGroup("/schedules").WithTags("Schedules");
        group
            .MapGet(
                "",
                async (int? limit, string? cursor, ScheduleStore schedules, CancellationToken cancellation) =>
                    PageResponses.Page(await schedules.ListAsync(new PageRequest(limit, cursor), cancellation), ScheduleResponses.Of)
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPatch(
                "/{id}",
                async (
                    string id,
                    UpdateScheduleRequest body,
                    HttpContext context,
                    ScheduleSwitch schedules,
                    CancellationToken cancellation
                ) =>
                    ScheduleResponses.Of(
                        await schedules.SetEnabledAsync(Ids.Parse<ScheduleId>(id), body.Enabled, context.Actor(), cancellation)
                    )
            )
            .RequireAuthorization(Policies.Write);
        group.MapPost("/{id}/runs", RunAsync).RequireAuthorization(Policies.Write);
    }

    private static async Task<IResult> RunAsync(
        string id,
        HttpContext context,
        ScheduleSwitch schedules,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var run = await schedules.RunAsync(Ids.Parse<ScheduleId>(id), context.Actor(), Ids.IdempotencyKey(context), cancellation);
        return await RunRoutes.CreatedAsync(run, context, runs, address, cancellation);
    }
}
