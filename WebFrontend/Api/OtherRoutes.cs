using System.Collections.Immutable;
using System.Security.Claims;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Shipinator.Client;
using Shipinator.Pipelines;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Triggers;

namespace Shipinator.WebFrontend.Api;

/// <summary>Artifacts, lint, tokens, health.</summary>
internal static class OtherRoutes
{
    public static void MapArtifacts(this IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/artifacts/{id}").WithTags("Artifacts");
        group
            .MapGet(
                "/metadata",
                async (string id, ArtifactMetadataStore store, CancellationToken cancellation) =>
                    Answers.Of(await ExistingAsync(store, id, cancellation))
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapGet("/download", DownloadAsync)
            .RequireAuthorization(Policies.ReadOrExecution)
            .Produces<byte[]>(200, "application/octet-stream");
        v1.MapGet(
                "/pipeline-runs/{id}/artifacts",
                async (string id, RunQueries runs, ArtifactMetadataStore store, CancellationToken cancellation) =>
                    Answers.All(
                        await store.ListByRunAsync((await RunRoutes.ExistingAsync(runs, id, cancellation)).Id, cancellation),
                        Answers.Of
                    )
            )
            .RequireAuthorization(Policies.Read)
            .WithTags("Artifacts");
    }

    public static void MapLint(this IEndpointRouteBuilder v1) =>
        v1.MapPost("/pipeline-files/lint", LintAsync).RequireAuthorization(Policies.Read).WithTags("Pipeline files");

    public static void MapTokens(this IEndpointRouteBuilder v1)
    {
        v1.MapGet(
                "/me",
                (HttpContext context) =>
                    new MeResponse { Name = context.User.Identity?.Name ?? "", Role = context.User.FindFirst(ClaimTypes.Role)?.Value ?? "" }
            )
            .RequireAuthorization(Policies.Read)
            .WithTags("Tokens");
        var group = v1.MapGroup("/tokens").WithTags("Tokens").RequireAuthorization(Policies.Admin);
        group.MapGet(
            "",
            async (TokenStore store, CancellationToken cancellation) => Answers.All(await store.ListAsync(cancellation), t => Answers.Of(t))
        );
        group.MapPost(
            "",
            async (CreateTokenRequest body, TokenStore store, CancellationToken cancellation) =>
            {
                if (body.Role is not (Policies.Admin or Policies.Write or Policies.Read))
                {
                    throw new MalformedException(
                        "role_malformed",
                        "role",
                        $"'{Fields.Short(body.Role)}' is no role: expected admin, write or read."
                    );
                }

                var text = BootstrapTokens.NewText();
                var row = await store.CreateAsync(ProjectRoutes.Name(body.Name), body.Role, text, cancellation);
                return TypedResults.Created($"/v1/tokens/{row.Id}", Answers.Of(row, text));
            }
        );
        group.MapDelete(
            "/{id}",
            async (string id, TokenStore store, CancellationToken cancellation) =>
            {
                await store.RevokeAsync(
                    Guid.TryParseExact(id, "D", out var token)
                        ? token
                        : throw new MalformedException(
                            "id_malformed",
                            "id",
                            $"'{Fields.Short(id)}' is not the id of a token: expected a UUID."
                        ),
                    cancellation
                );
                return TypedResults.NoContent();
            }
        );
    }

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        app.MapGet("/healthz/live", () => TypedResults.Text("alive\n")).AllowAnonymous().ExcludeFromDescription();
        app.MapGet(
                "/healthz/ready",
                async (IServiceProvider services, IHostApplicationLifetime lifetime, CancellationToken cancellation) =>
                {
                    if (lifetime.ApplicationStopping.IsCancellationRequested || !lifetime.ApplicationStarted.IsCancellationRequested)
                    {
                        return ProblemHandler.Problem(503, "not_ready", "The server is starting or stopping.");
                    }

                    if (
                        services.GetService<Orleans.Runtime.ISiloStatusOracle>() is
                        { CurrentStatus: not Orleans.Runtime.SiloStatus.Active } silo
                    )
                    {
                        return ProblemHandler.Problem(503, "not_ready", $"The silo is {silo.CurrentStatus}.");
                    }

                    await services.GetRequiredService<TokenStore>().AnyAsync(cancellation);
                    foreach (var check in services.GetServices<IReadinessCheck>())
                    {
                        if (await check.ReasonAsync(cancellation) is { } reason)
                        {
                            return ProblemHandler.Problem(503, "not_ready", reason);
                        }
                    }

                    return Results.Text("ready\n");
                }
            )
            .AllowAnonymous()
            .ExcludeFromDescription();
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
            throw new NotFoundException("payload of the artifact (it is only a name)", id);
        }

        var stream =
            await artifacts.Of(row.StorageBackend).Open(row.StoragePath, cancellation)
            ?? throw new NotFoundException("payload of the artifact", id);
        // What a build left is never shown as a page of ours.
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

    /// <summary>A runner at work may fetch artifacts of its own project; nobody shares across projects.</summary>
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

    private static async Task<LintResponse> LintAsync(
        LintRequest body,
        RepositoryStore repositories,
        IExecutorRegistry executors,
        PlanningGate gate,
        IOptions<WebOptions> options,
        CancellationToken cancellation
    )
    {
        Fields.Text(body.Executor, "executor", Fields.Word);
        var repository = body.Repository is null
            ? null
            : await repositories.GetAsync(Ids.Parse<RepositoryId>(body.Repository, "repository"), cancellation)
                ?? throw new NotFoundException("repository", body.Repository);
        var executor = body.Executor ?? repository?.Executor ?? options.Value.DefaultExecutor;
        return Lint(body, executor, executors.Get(executor).CanRunServices, gate, options.Value, cancellation);
    }

    private static LintResponse Lint(
        LintRequest body,
        string executor,
        bool canRunServices,
        PlanningGate gate,
        WebOptions options,
        CancellationToken cancellation
    )
    {
        Fields.Text(body.Event, "event", Fields.Word);
        Fields.Text(body.Branch, "branch", Fields.Ref);
        Fields.InputValues(body.Inputs);
        using var turn = gate.Enter();
        var file = PipelineFile.Parse(body.Content, FileName(body.FileName), cancellation);
        if (file.Model is null)
        {
            return new()
            {
                Valid = false,
                Errors = [.. file.Errors.Select(Answers.Of)],
                Warnings = [.. file.Warnings.Select(Answers.Of)],
            };
        }

        var inputs = (
            body.Inputs ?? file.Model.Inputs.ToDictionary(i => i.Name, i => i.Default ?? (i.Options.Count > 0 ? i.Options[0] : ""))
        ).ToImmutableSortedDictionary(StringComparer.Ordinal);
        var plan = RunPlanner.Plan(
            file.Model,
            new()
            {
                Event = body.Event,
                Ref = $"refs/heads/{body.Branch}",
                Branch = body.Branch,
                Commit = new string('0', 40),
                Inputs = inputs,
            },
            new()
            {
                ProjectName = "project",
                RepositoryName = "repository",
                RunNumber = 1,
                DefaultImage = options.DefaultImage,
                Executor = executor,
                CanRunServices = canRunServices,
            },
            cancellation
        );
        return new()
        {
            Valid = plan.Plan is not null,
            Errors = [.. plan.Errors.Select(Answers.Of)],
            Warnings = [.. file.Warnings.Select(Answers.Of)],
            Plan = plan.Plan is null ? null : JsonSerializer.SerializeToElement(plan.Plan, PlanJson.Options),
        };
    }

    private static string FileName(string? given) =>
        string.IsNullOrWhiteSpace(given) ? PipelineFile.DefaultName
        : given.Length > 255 ? given[^255..]
        : given;

    private static async Task<ArtifactRow> ExistingAsync(ArtifactMetadataStore store, string id, CancellationToken cancellation) =>
        await store.GetAsync(Ids.Parse<ArtifactId>(id), cancellation) ?? throw new NotFoundException("artifact", id);
}
