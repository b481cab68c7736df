using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Triggers;

namespace Shipinator.WebFrontend.Api;

/// <summary>Runs: make, see, stop, repeat.</summary>
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
                    Answers.All(await runs.HistoryAsync((await ExistingAsync(runs, id, cancellation)).Id, cancellation), Answers.Of)
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
        Check(body);
        var (run, isRepeat) = await trigger.CreateAsync(
            Ids.Parse<PipelineId>(id),
            body.GitRef,
            body.GitSha,
            body.Inputs,
            context.Actor(),
            Ids.IdempotencyKey(context),
            cancellation
        );
        return await CreatedAsync(run, isRepeat, context, runs, address, cancellation);
    }

    /// <summary>By the repository and a trigger type: the pipeline is made when it is the first of its kind.</summary>
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
        Check(body);
        var type = body.TriggerType ?? "manual";
        if (!PipelineStore.TriggerTypes.Contains(type, StringComparer.Ordinal))
        {
            throw new MalformedException(
                "trigger_type_malformed",
                "trigger_type",
                $"trigger_type must be one of {string.Join(", ", PipelineStore.TriggerTypes)}."
            );
        }

        var (run, isRepeat) = await trigger.CreateAsync(
            Ids.Parse<RepositoryId>(id),
            type,
            body.GitRef,
            body.GitSha,
            body.Inputs,
            context.Actor(),
            Ids.IdempotencyKey(context),
            cancellation
        );
        return await CreatedAsync(run, isRepeat, context, runs, address, cancellation);
    }

    private static void Check(CreateRunRequest body)
    {
        if (body.GitRef is not { Length: > 0 and <= 250 })
        {
            throw new MalformedException("git_ref_malformed", "git_ref", "git_ref must be a branch, a tag, a full ref or a commit.");
        }

        Fields.Commit(body.GitSha, "git_sha");
        Fields.InputValues(body.Inputs);
    }

    private static async Task<IResult> RerunAsync(
        string id,
        RerunRequest body,
        HttpContext context,
        RunTrigger trigger,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        if (body.From is not ("start" or "failed"))
        {
            throw new MalformedException(
                "from_malformed",
                "from",
                $"'{Fields.Short(body.From)}' is no place to begin from: expected start or failed."
            );
        }

        var (run, isRepeat) = await trigger.RerunAsync(
            Ids.Parse<RunId>(id),
            body.From == "failed",
            context.Actor(),
            Ids.IdempotencyKey(context),
            cancellation
        );
        return await CreatedAsync(run, isRepeat, context, runs, address, cancellation);
    }

    private static async Task<IResult> CreatedAsync(
        RunId run,
        bool isRepeat,
        HttpContext context,
        RunQueries runs,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        if (isRepeat)
        {
            context.Response.Headers["Idempotent-Replayed"] = "true";
        }

        var view = await runs.GetAsync(run, cancellation) ?? throw new NotFoundException("pipeline run", run.ToString());
        return TypedResults.Created($"/v1/pipeline-runs/{run}", Answers.Of(view, address));
    }

    private static async Task<PageResponse<RunResponse>> ListAsync(
        string? project,
        string? repository,
        string? pipeline,
        string? status,
        string? branch,
        string? @event,
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
                    $"'{status}' is no status: expected pending, running, success, failed or canceled."
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
            },
            new PageRequest(limit, cursor),
            cancellation
        );
        return Answers.Page(page, r => Answers.Of(r, address));
    }

    private static async Task<Results<Ok<RunResponse>, StatusCodeHttpResult>> GetAsync(
        string id,
        HttpContext context,
        RunQueries runs,
        Waiting waiters,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var run = await ExistingAsync(runs, id, cancellation);
        var waiting = await waiters.OfAsync(run, [], cancellation);
        return Unchanged(context, $"{run.Version}|{waiting.GetValueOrDefault(run.Id.Value)}")
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(Answers.Of(run, address, waiting));
    }

    private static async Task<Results<Ok<JobsResponse>, StatusCodeHttpResult>> JobsAsync(
        string id,
        HttpContext context,
        RunQueries runs,
        Waiting waiters,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var run = await ExistingAsync(runs, id, cancellation);
        var jobs = await runs.JobsAsync(run.Id, cancellation);
        var waiting = await waiters.OfAsync(run, jobs, cancellation);
        var versions = jobs.Select(j =>
            $"{j.Version}:{string.Join(',', j.Steps.SelectMany(s => s.Executions).Select(e => $"{e.Version}.{e.Artifacts.Count}"))}"
        );
        return Unchanged(
            context,
            $"{run.Version}|{string.Join(';', versions)}|{string.Join(';', waiting.OrderBy(w => w.Key).Select(w => w.Value))}"
        )
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(new JobsResponse { Jobs = [.. jobs.Select(j => Answers.Of(j, address, waiting))] });
    }

    private static async Task<RunResponse> CancelAsync(
        string id,
        HttpContext context,
        RunQueries runs,
        IGrainFactory grains,
        Waiting waiters,
        IServerAddress address,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        var run = await ExistingAsync(runs, id, cancellation);
        await grains
            .GetGrain<IPipelineRunGrain>(run.Id.Value)
            .Cancel(
                new(time.GetUtcNow(), Reason.CanceledByUser, $"Stopped by {context.User.Identity?.Name}.", context.Actor()),
                cancellation
            );
        run = await ExistingAsync(runs, id, cancellation);
        return Answers.Of(run, address, await waiters.OfAsync(run, [], cancellation));
    }

    private static bool Unchanged(HttpContext context, string versions)
    {
        var tag = $"W/\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(versions)).AsSpan(0, 12))}\"";
        context.Response.Headers.ETag = tag;
        context.Response.Headers.CacheControl = "no-cache";
        return context.Request.Headers.IfNoneMatch.Any(t => t == tag);
    }
}
