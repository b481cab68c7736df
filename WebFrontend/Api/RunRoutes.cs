using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Triggers;
using Shipinator.Triggers.Runs;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>Runs: trigger, list, show, cancel, rerun.</summary>
internal static class RunRoutes
{
    public static void MapRuns(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/repositories/{id}/runs", CreateOfRepositoryAsync).RequireAuthorization(Policies.Write).WithTags("Runs");
        v1.MapPost("/pipelines/{id}/runs", CreateAsync).RequireAuthorization(Policies.Write).WithTags("Runs");
        var group = v1.MapGroup("/pipeline-runs").WithTags("Runs");
        group.MapGet("", ListAsync).RequireAuthorization(Policies.Read);
        group.MapGet("/{id}", GetAsync).RequireAuthorization(Policies.Read);
        group.MapGet("/{id}/jobs", JobsAsync).RequireAuthorization(Policies.Read);
        group.MapPost("/{id}/cancel", CancelAsync).RequireAuthorization(Policies.Write);
        group.MapPost("/{id}/rerun", RerunAsync).RequireAuthorization(Policies.Write);
        group
            .MapGet(
                "/{id}/history",
                async (string id, RunQueries runs, CancellationToken cancellation) =>
                    PageResponses.All(
                        await runs.HistoryAsync((await ExistingAsync(runs, id, cancellation)).Id, cancellation),
                        RunResponses.Of
                    )
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapGet("/{id}/events", RunEvents.StreamAsync)
            .RequireAuthorization(Policies.Read)
            .Produces<TransitionResponse>(200, "text/event-stream");
    }

    public static async Task<RunView> ExistingAsync(RunQueries runs, string id, CancellationToken cancellation) =>
        await runs.GetAsync(Ids.Parse<RunId>(id), cancellation) ?? throw new NotFoundException("pipeline run", id);

    private static async Task<IResult> CreateAsync(
        string id,
        CreateRunRequest body,
        HttpContext context,
        RunTrigger trigger,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var run = await trigger.CreateAsync(Ids.Parse<PipelineId>(id), Request(body, context), cancellation);
        return await CreatedAsync(run, context, runs, address, cancellation);
    }

    /// <summary>By repository and trigger type; creates the pipeline if it is the first of its trigger type.</summary>
    private static async Task<IResult> CreateOfRepositoryAsync(
        string id,
        CreateRunRequest body,
        HttpContext context,
        RunTrigger trigger,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var run = await trigger.CreateAsync(
            Ids.Parse<RepositoryId>(id),
            body.TriggerType ?? "manual",
            Request(body, context),
            cancellation
        );
        return await CreatedAsync(run, context, runs, address, cancellation);
    }

    private static RunRequest Request(CreateRunRequest body, HttpContext context) =>
        new()
        {
            GitRef = body.GitRef,
            GitSha = body.GitSha,
            Inputs = body.Inputs,
            Actor = context.Actor(),
            IdempotencyKey = Ids.IdempotencyKey(context),
        };

    private static async Task<IResult> RerunAsync(
        string id,
        RerunRequest body,
        HttpContext context,
        RunRerun reruns,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var from = body.From switch
        {
            "start" => RerunFrom.Start,
            "failed" => RerunFrom.Failed,
            _ => throw new MalformedException(
                "from_malformed",
                "from",
                $"'{Fields.Excerpt(body.From)}' is not a valid value of from; expected start or failed."
            ),
        };
        var run = await reruns.CreateAsync(Ids.Parse<RunId>(id), from, context.Actor(), Ids.IdempotencyKey(context), cancellation);
        return await CreatedAsync(run, context, runs, address, cancellation);
    }

    /// <summary>The response to a request that created a run, now or when it was sent for the first time.</summary>
    public static async Task<IResult> CreatedAsync(
        TriggeredRun run,
        HttpContext context,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        if (run.IsRepeat)
        {
            context.Response.Headers["Idempotent-Replayed"] = "true";
        }

        var view = await runs.GetAsync(run.Id, cancellation) ?? throw new NotFoundException("pipeline run", run.Id.ToString());
        return TypedResults.Created($"/v1/pipeline-runs/{run.Id}", RunResponses.Of(view, address));
    }

    private static async Task<PageResponse<RunResponse>> ListAsync(
        string? project,
        string? repository,
        string? pipeline,
        string? status,
        string? branch,
        string? @event,
        int? pr,
        string? tag,
        int? limit,
        string? cursor,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        Status? wanted = null;
        if (status is not null)
        {
            wanted = Words.TryParseStatus(status, out var parsed)
                ? parsed
                : throw new MalformedException(
                    "status_malformed",
                    "status",
                    $"'{Fields.Excerpt(status)}' is not a valid status; expected pending, running, success, failed or canceled."
                );
        }

        var page = await runs.ListAsync(
            new()
            {
                Project = Ids.ParseOptional<ProjectId>(project, "project"),
                Repository = Ids.ParseOptional<RepositoryId>(repository, "repository"),
                Pipeline = Ids.ParseOptional<PipelineId>(pipeline, "pipeline"),
                Status = wanted,
                Branch = branch,
                Event = @event,
                PrNumber = pr,
                Tag = tag,
            },
            new PageRequest(limit, cursor),
            cancellation
        );
        return PageResponses.Page(page, r => RunResponses.Of(r, address));
    }

    private static async Task<Results<Ok<RunResponse>, StatusCodeHttpResult>> GetAsync(
        string id,
        HttpContext context,
        RunQueries runs,
        WaitReasonLookup waitReasons,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var run = await ExistingAsync(runs, id, cancellation);
        var waiting = await waitReasons.OfAsync(run, [], cancellation);
        return Unchanged(context, $"{run.Version}|{waiting.GetValueOrDefault(run.Id.Value)}")
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(RunResponses.Of(run, address, waiting) with { FileErrors = await FileErrorsAsync(runs, run, cancellation) });
    }

    /// <summary>The errors of the pipeline file of a run that failed for them; null for other runs.</summary>
    private static async Task<IReadOnlyList<PipelineErrorResponse>?> FileErrorsAsync(
        RunQueries runs,
        RunView run,
        CancellationToken cancellation
    ) =>
        run.Reason == Reason.ConfigError && (await runs.PlanAsync(run.Id, cancellation))?.FileErrors is { IsDefaultOrEmpty: false } errors
            ? [.. errors.Select(PipelineFileResponses.Of)]
            : null;

    private static async Task<Results<Ok<JobsResponse>, StatusCodeHttpResult>> JobsAsync(
        string id,
        HttpContext context,
        RunQueries runs,
        WaitReasonLookup waitReasons,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var run = await ExistingAsync(runs, id, cancellation);
        var jobs = await runs.JobsAsync(run.Id, cancellation);
        var waiting = await waitReasons.OfAsync(run, jobs, cancellation);
        var versions = jobs.Select(j =>
            $"{j.Version}:{string.Join(',', j.Steps.SelectMany(s => s.Executions).Select(e => $"{e.Version}.{e.Artifacts.Count}"))}"
        );
        return Unchanged(
            context,
            $"{run.Version}|{string.Join(';', versions)}|{string.Join(';', waiting.OrderBy(w => w.Key).Select(w => w.Value))}"
        )
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(new JobsResponse { Jobs = [.. jobs.Select(j => RunResponses.Of(j, address, waiting))] });
    }

    private static async Task<RunResponse> CancelAsync(
        string id,
        HttpContext context,
        RunQueries runs,
        RunCancellation cancellations,
        WaitReasonLookup waitReasons,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        await cancellations.RequestAsync((await ExistingAsync(runs, id, cancellation)).Id, context.Actor(), cancellation);
        var run = await ExistingAsync(runs, id, cancellation);
        return RunResponses.Of(run, address, await waitReasons.OfAsync(run, [], cancellation));
    }

    private static bool Unchanged(HttpContext context, string versions)
    {
        var tag = $"W/\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(versions)).AsSpan(0, 12))}\"";
        context.Response.Headers.ETag = tag;
        context.Response.Headers.CacheControl = "no-cache";
        return context.Request.Headers.IfNoneMatch.Any(t => t == tag);
    }
}
