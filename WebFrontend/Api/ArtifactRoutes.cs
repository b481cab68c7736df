using Microsoft.Net.Http.Headers;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/artifacts</c>, and the artifacts of a run.</summary>
internal static class ArtifactRoutes
{
    public static void MapArtifacts(this IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/artifacts/{id}").WithTags("Artifacts");
        group
            .MapGet(
                "/metadata",
                async (string id, ArtifactMetadataStore store, CancellationToken cancellation) =>
                    ArtifactResponses.Of(await ExistingAsync(store, id, cancellation))
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapGet("/download", DownloadAsync)
            .RequireAuthorization(Policies.ReadOrExecution)
            .Produces<byte[]>(200, "application/octet-stream");
        v1.MapGet(
                "/pipeline-runs/{id}/artifacts",
                async (string id, RunQueries runs, ArtifactMetadataStore store, CancellationToken cancellation) =>
                    PageResponses.All(
                        await store.ListByRunAsync((await RunRoutes.ExistingAsync(runs, id, cancellation)).Id, cancellation),
                        ArtifactResponses.Of
                    )
            )
            .RequireAuthorization(Policies.Read)
            .WithTags("Artifacts");
    }

    private static async Task<IResult> DownloadAsync(
        string id,
        HttpContext context,
        ArtifactMetadataStore store,
        IArtifactStores artifacts,
        RunQueries runs,
        IGrainFactory grains,
        CancellationToken cancellation
    )
    {
        var row = await ExistingAsync(store, id, cancellation);
        if (context.Execution() is { } execution)
        {
            await RequireSameProjectAsync(execution, row, runs, grains, cancellation);
        }

        if (row.Ref is not null)
        {
            throw new NotFoundException("payload of the artifact (it is a reference only)", id);
        }

        var stream =
            await artifacts.Of(row.StorageBackend).Open(row.StoragePath, cancellation)
            ?? throw new NotFoundException("payload of the artifact", id);
        // An artifact must never be rendered as a page of this server.
        context.MarkForeign();
        return Results.File(
            stream,
            "application/octet-stream",
            Path.GetFileName(row.FileName),
            row.CreatedAt,
            new EntityTagHeaderValue($"\"{row.Checksum}\""),
            enableRangeProcessing: true
        );
    }

    /// <summary>The runner of an active execution may download artifacts of its own project only.</summary>
    private static async Task RequireSameProjectAsync(
        ExecutionId execution,
        ArtifactRow row,
        RunQueries runs,
        IGrainFactory grains,
        CancellationToken cancellation
    )
    {
        var asking = await grains.GetGrain<IExecutionGrain>(execution.Value).Get(cancellation);
        var owner = await runs.ExecutionAsync(row.ExecutionId, cancellation);
        if (asking.Life.IsTerminal || asking.ClaimedBy is null || owner?.ProjectId != asking.Spec.Worker.ProjectId)
        {
            throw new NotFoundException("artifact", row.Id.ToString());
        }
    }

    private static async Task<ArtifactRow> ExistingAsync(ArtifactMetadataStore store, string id, CancellationToken cancellation) =>
        await store.GetAsync(Ids.Parse<ArtifactId>(id), cancellation) ?? throw new NotFoundException("artifact", id);
}
