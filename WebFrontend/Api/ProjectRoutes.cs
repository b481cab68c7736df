using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;
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
                    Answers.Page(await store.ListAsync(new PageRequest(limit, cursor), cancellation), Answers.Of)
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPost(
                "",
                async (CreateProjectRequest body, ProjectStore store, CancellationToken cancellation) =>
                {
                    var row = await store.CreateAsync(
                        Name(body.Name),
                        Fields.Text(body.Description, "description", Fields.Description),
                        cancellation
                    );
                    return TypedResults.Created($"/v1/projects/{row.Id}", Answers.Of(row));
                }
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapGet(
                "/{id}",
                async (string id, ProjectStore store, CancellationToken cancellation) =>
                    Answers.Of(await store.GetAsync(Ids.Parse<ProjectId>(id), cancellation) ?? throw new NotFoundException("project", id))
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPatch(
                "/{id}",
                async (string id, UpdateProjectRequest body, ProjectStore store, CancellationToken cancellation) =>
                    Answers.Of(
                        await store.UpdateAsync(
                            Ids.Parse<ProjectId>(id),
                            body.Name is null ? null : Name(body.Name),
                            Fields.Text(body.Description, "description", Fields.Description),
                            cancellation
                        )
                    )
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapDelete(
                "/{id}",
                async (string id, ProjectStore store, CancellationToken cancellation) =>
                {
                    await store.DeleteAsync(Ids.Parse<ProjectId>(id), cancellation);
                    return TypedResults.NoContent();
                }
            )
            .RequireAuthorization(Policies.Admin);
    }

    /// <summary>A name for people. Errors: 400.</summary>
    public static string Name(string name) =>
        name.Trim() is { Length: > 0 and <= 100 } trimmed && !trimmed.Any(char.IsControl)
            ? trimmed
            : throw new MalformedException("name_malformed", "name", "A name has 1 to 100 printable characters.");
}
