using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Projects;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/projects</c>.</summary>
internal static class ProjectRoutes
{
    public static void MapProjects(this IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/projects").WithTags("Projects");
        group
            .MapGet(
                "",
                async (int? limit, string? cursor, ProjectStore store, CancellationToken cancellation) =>
                    PageResponses.Page(await store.ListAsync(new PageRequest(limit, cursor), cancellation), CatalogResponses.Of)
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPost(
                "",
                async (CreateProjectRequest body, ProjectRegistry projects, CancellationToken cancellation) =>
                {
                    var row = await projects.CreateAsync(body.Name, body.Description, cancellation);
                    return TypedResults.Created($"/v1/projects/{row.Id}", CatalogResponses.Of(row));
                }
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapGet(
                "/{id}",
                async (string id, ProjectStore store, CancellationToken cancellation) =>
                    CatalogResponses.Of(
                        await store.GetAsync(Ids.Parse<ProjectId>(id), cancellation) ?? throw new NotFoundException("project", id)
                    )
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPatch(
                "/{id}",
                async (string id, UpdateProjectRequest body, ProjectRegistry projects, CancellationToken cancellation) =>
                    CatalogResponses.Of(await projects.UpdateAsync(Ids.Parse<ProjectId>(id), body.Name, body.Description, cancellation))
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapDelete(
                "/{id}",
                async (string id, ProjectRegistry projects, CancellationToken cancellation) =>
                {
                    await projects.RemoveAsync(Ids.Parse<ProjectId>(id), cancellation);
                    return TypedResults.NoContent();
                }
            )
            .RequireAuthorization(Policies.Admin);
    }
}
