using System.Text.Json;
using Shipinator.Client;
using Shipinator.Triggers.Planning;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/pipeline-files/lint</c>.</summary>
internal static class LintRoutes
{
    public static void MapLint(this IEndpointRouteBuilder v1) =>
        v1.MapPost("/pipeline-files/lint", LintAsync).RequireAuthorization(Policies.Read).WithTags("Pipeline files");

    private static async Task<LintResponse> LintAsync(LintRequest body, PipelineLint lint, CancellationToken cancellation)
    {
        var result = await lint.CheckAsync(
            new()
            {
                Content = body.Content,
                FileName = body.FileName,
                Repository = Ids.ParseOptional<RepositoryId>(body.Repository, "repository"),
                Executor = body.Executor,
                Event = body.Event,
                Branch = body.Branch,
                Inputs = body.Inputs,
            },
            cancellation
        );
        return new()
        {
            Valid = result.Plan is not null,
            Errors = [.. result.Errors.Select(PipelineFileResponses.Of)],
            Warnings = [.. result.Warnings.Select(PipelineFileResponses.Of)],
            Plan = result.Plan is null ? null : JsonSerializer.SerializeToElement(result.Plan, PlanJson.Options),
        };
    }
}
