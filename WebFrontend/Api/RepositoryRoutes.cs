using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Statuses;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/repositories</c>, and the repositories of a project.</summary>
internal static class RepositoryRoutes
{
    public static void MapRepositories(this IEndpointRouteBuilder v1)
    {
        var ofProject = v1.MapGroup("/projects/{id}/repositories").WithTags("Repositories");
        ofProject.MapGet("", ListAsync).RequireAuthorization(Policies.Read);
        ofProject.MapPost("", CreateAsync).RequireAuthorization(Policies.Write);

        var group = v1.MapGroup("/repositories/{id}").WithTags("Repositories");
        group
            .MapGet(
                "",
                async (string id, RepositoryStore store, CommitStatusStore statuses, CancellationToken cancellation) =>
                {
                    var row = await ExistingAsync(store, id, cancellation);
                    return CatalogResponses.Of(row, await statuses.ProblemsAsync(row.Id, cancellation));
                }
            )
            .RequireAuthorization(Policies.Read);
        group.MapPatch("", UpdateAsync).RequireAuthorization(Policies.Write);
        group
            .MapDelete(
                "",
                async (string id, RepositoryRegistry repositories, CancellationToken cancellation) =>
                {
                    await repositories.RemoveAsync(Ids.Parse<RepositoryId>(id), cancellation);
                    return TypedResults.NoContent();
                }
            )
            .RequireAuthorization(Policies.Admin);
        group
            .MapGet(
                "/pipelines",
                async (string id, RepositoryStore store, PipelineStore pipelines, CancellationToken cancellation) =>
                    PageResponses.All(
                        await pipelines.ListAsync((await ExistingAsync(store, id, cancellation)).Id, cancellation),
                        CatalogResponses.Of
                    )
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPost(
                "/sync",
                async (string id, RepositoryRegistry repositories, CancellationToken cancellation) =>
                    PageResponses.All(await repositories.SyncAsync(Ids.Parse<RepositoryId>(id), cancellation), CatalogResponses.Of)
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapPost(
                "/statuses/retry",
                async (string id, CommitStatusRetry statuses, CancellationToken cancellation) =>
                    new RetryStatusesResponse { Retried = await statuses.RetryAsync(Ids.Parse<RepositoryId>(id), cancellation) }
            )
            .RequireAuthorization(Policies.Write);
    }

    private static async Task<PageResponse<RepositoryResponse>> ListAsync(
        string id,
        int? limit,
        string? cursor,
        ProjectStore projects,
        RepositoryStore store,
        CancellationToken cancellation
    )
    {
        var project = Ids.Parse<ProjectId>(id);
        _ = await projects.GetAsync(project, cancellation) ?? throw new NotFoundException("project", id);
        return PageResponses.Page(await store.ListAsync(project, new PageRequest(limit, cursor), cancellation), CatalogResponses.Of);
    }

    private static async Task<IResult> CreateAsync(
        string id,
        CreateRepositoryRequest body,
        RepositoryRegistry repositories,
        CancellationToken cancellation
    )
    {
        var row = await repositories.RegisterAsync(
            new()
            {
                Project = Ids.Parse<ProjectId>(id),
                VcsProvider = body.VcsProvider,
                CloneUrl = body.CloneUrl,
                DefaultBranch = body.DefaultBranch,
                Name = body.Name,
                Executor = body.Executor,
                PipelineFile = body.PipelineFile,
            },
            cancellation
        );
        return TypedResults.Created($"/v1/repositories/{row.Id}", CatalogResponses.Of(row));
    }

    private static async Task<RepositoryResponse> UpdateAsync(
        string id,
        UpdateRepositoryRequest body,
        RepositoryRegistry repositories,
        CancellationToken cancellation
    ) =>
        CatalogResponses.Of(
            await repositories.UpdateAsync(
                Ids.Parse<RepositoryId>(id),
                new()
                {
                    Name = body.Name,
                    CloneUrl = body.CloneUrl,
                    DefaultBranch = body.DefaultBranch,
                    Executor = body.Executor,
                    PipelineFile = body.PipelineFile,
                    PublicBadge = body.PublicBadge,
                },
                cancellation
            )
        );

    private static async Task<RepositoryRow> ExistingAsync(RepositoryStore store, string id, CancellationToken cancellation) =>
        await store.GetAsync(Ids.Parse<RepositoryId>(id), cancellation) ?? throw new NotFoundException("repository", id);
}
