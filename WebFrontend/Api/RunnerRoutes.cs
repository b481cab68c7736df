using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Shipinator.Client;
using Shipinator.Schema;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>The runner's side: only with the token of the very execution that the route names.</summary>
internal static class RunnerRoutes
{
    private const int LongestWaitSeconds = 25;
    private const int MostArtifacts = 10_000;

    /// <summary>The end of the year 9999: no clock shows more.</summary>
    private const long MostMilliseconds = 253_402_300_799_999;

    public static void MapRunner(this IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/executions/{id}").WithTags("Runner").RequireAuthorization(Policies.Execution);
        group.MapPost("/claim", ClaimAsync).Produces<ClaimResponse>().Produces(204).Produces(410);
        group.MapPost("/next", NextAsync).Produces<NextResponse>().Produces(204).Produces(410);
        group.MapPost("/heartbeat", HeartbeatAsync);
        group.MapPost("/status", ReportAsync);
        group.MapPost("/logs", AppendAsync).Accepts<byte[]>("application/octet-stream").Produces<RunnerResponse>();
        group.MapPost("/artifacts", UploadAsync).Accepts<byte[]>("application/octet-stream").Produces<UploadedArtifact>();
        // No secret: a pod that has nothing yet fetches its runner here.
        v1.MapGet("/runner", Program).AllowAnonymous().WithTags("Runner").Produces<byte[]>(200, "application/octet-stream").Produces(404);
    }

    private static async Task<IResult> ClaimAsync(
        string id,
        ClaimRequest body,
        IGrainFactory grains,
        ISecretSource secrets,
        IGitCredentials credentials,
        IExecutorRegistry executors,
        IOptions<WebOptions> options,
        CancellationToken cancellation
    )
    {
        if (body.Runner is not { Length: > 0 and <= 100 })
        {
            throw new MalformedException("runner_malformed", "runner", "runner must name the runner process in 1 to 100 characters.");
        }

        var wait = TimeSpan.FromSeconds(Math.Clamp(body.WaitSeconds, 0, LongestWaitSeconds));
        var result = await Execution(grains, id).Claim(body.Runner, wait, cancellation);
        if (result.Kind == ClaimKind.NotYet && body.JobId is not null)
        {
            // An execution that was never begun can't know that its step was passed over.
            var place = await grains
                .GetGrain<IJobGrain>(Ids.Parse<JobId>(body.JobId, "job_id").Value)
                .StepOf(Ids.Parse<ExecutionId>(id), cancellation);
            result = place.Kind == StepPlaceKind.Over ? result with { Kind = ClaimKind.NotNeeded } : result;
        }

        if (result.Kind != ClaimKind.Work)
        {
            return result.Kind == ClaimKind.NotYet
                ? TypedResults.NoContent()
                : ProblemHandler.Problem(410, "not_needed", $"Execution {id} is not needed any more.");
        }

        var spec = result.Spec!;
        var values = spec.Secrets.IsEmpty
            ? new Dictionary<string, string>()
            : await secrets.Resolve(spec.Worker.ProjectId, spec.Worker.RepositoryId, spec.Secrets, cancellation);
        // The server decides what a claim carries: where something else prepares the workspace it names no source, and the credential is
        // in the one claim by which the workspace is made, whatever the body says.
        // A silo of an older version does not say the executor.
        var source = body.Prepared || (result.ExecutorType is { } type && !executors.Get(type).RunnersClone) ? null : spec.Worker.Source;
        var credential = source is null ? null : await credentials.Find(source.CloneUrl, cancellation);
        var given = result.MayClone ? credential : null;
        return TypedResults.Ok(
            new ClaimResponse
            {
                ExecutionId = id,
                StepName = spec.StepName,
                JobId = spec.Worker.JobId.ToString(),
                JobAttempt = spec.Worker.Attempt,
                Script = spec.Script,
                Shell = spec.Shell.IsDefaultOrEmpty ? null : spec.Shell,
                Command = spec.Script is null ? spec.Command : null,
                CommandExpressions = spec.Script is null ? spec.CommandExpressions : null,
                Env = spec.Env,
                EnvExpressions = spec.EnvExpressions,
                Earlier = spec
                    .Earlier?.Select(e => new EarlierResponse
                    {
                        StepName = e.StepName,
                        ExecutionId = e.ExecutionId.ToString(),
                        GivesVariables = e.GivesVariables,
                    })
                    .ToList(),
                Secrets = values,
                Workdir = spec.Workdir,
                TimeoutSeconds = spec.Timeout.TotalSeconds,
                GraceSeconds = options.Value.CancelGrace.TotalSeconds,
                Source = source is null
                    ? null
                    : new()
                    {
                        CloneUrl = source.CloneUrl,
                        Ref = source.Ref,
                        Commit = source.Commit,
                        Username = given?.Username,
                        Password = given?.Password,
                        CredentialScope = given?.Scope,
                        PreparedByOther = credential is not null && given is null,
                        CloneOptions = CloneOf(source),
                    },
                Inputs =
                [
                    .. result.Inputs.Select(i => new InputResponse
                    {
                        ArtifactId = i.Artifact.Id.ToString(),
                        FileName = i.Artifact.FileName,
                        Path = i.Path,
                        Target = i.Target,
                        Sha256 = i.Artifact.Sha256,
                        Ref = i.Artifact.Ref,
                    }),
                ],
                Outputs =
                [
                    .. spec.Artifacts.Select(o => new OutputResponse
                    {
                        Type = o.Type,
                        Path = o.Path,
                        Ref = o.Ref,
                        When = o.WhenWord(),
                        Optional = o.Optional,
                    }),
                ],
                MaxLogBytes = options.Value.MaxLogBytes,
                Cache = spec.Cache is null
                    ? null
                    : new()
                    {
                        Scope = spec.Worker.RepositoryId.ToString(),
                        Image = spec.Image,
                        KeyFiles = spec.Cache.Key,
                        Paths = spec.Cache.Paths,
                        RestoreDepths = spec.Cache.RestoreDepths,
                    },
            }
        );
    }

    private static CloneResponse? CloneOf(SourceSpec source) =>
        source.CloneOptions is not { } clone
            ? null
            : new()
            {
                Depth = clone.Depth,
                Tags = clone.Tags,
                Submodules = clone.Submodules,
                Lfs = clone.Lfs,
                Filter = clone.Filter,
            };

    /// <summary>
    /// Another execution's token: only for the process that claimed this one, which a step is not although it may know its runner's
    /// token, and only where one process serves all tries.
    /// </summary>
    private static async Task<IResult> NextAsync(
        string id,
        NextRequest? body,
        IGrainFactory grains,
        IExecutionTokens tokens,
        IExecutorRegistry executors,
        CancellationToken cancellation
    )
    {
        var execution = await Execution(grains, id).Get(cancellation);
        if (!executors.Get(execution.ExecutorType).RunnersServeRetries)
        {
            return ProblemHandler.Problem(
                410,
                "not_needed",
                $"Each try of a step has a runner of its own at the {execution.ExecutorType} executor."
            );
        }

        if (
            execution.ClaimedBy is not { } claimed
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(claimed), Encoding.UTF8.GetBytes(body?.Runner ?? ""))
        )
        {
            return ProblemHandler.Problem(
                403,
                "other_runner",
                $"Only the runner that claimed execution {id} is told which one comes next."
            );
        }

        var place = await grains.GetGrain<IJobGrain>(execution.Spec.Worker.JobId.Value).StepOf(execution.Id, cancellation);
        return place switch
        {
            { Kind: StepPlaceKind.Next, Next: { } next } => TypedResults.Ok(
                new NextResponse { ExecutionId = next.ToString(), Token = tokens.Issue(next) }
            ),
            { Kind: StepPlaceKind.NotYet } => TypedResults.NoContent(),
            _ => ProblemHandler.Problem(410, "not_needed", $"The step of execution {id} is over."),
        };
    }

    private static IResult Program(IOptions<WebOptions> options)
    {
        var file = Path.GetFullPath(options.Value.StaticRunnerPath, AppContext.BaseDirectory);
        return File.Exists(file)
            ? TypedResults.PhysicalFile(
                file,
                "application/octet-stream",
                "runner",
                File.GetLastWriteTimeUtc(file),
                enableRangeProcessing: true
            )
            : ProblemHandler.Problem(
                404,
                "runner_not_installed",
                $"This server has no static runner to give: make one with Runner/publish-static.sh and name it in Shipinator:StaticRunnerPath (now {options.Value.StaticRunnerPath})."
            );
    }

    private static async Task<RunnerResponse> HeartbeatAsync(
        string id,
        HeartbeatRequest body,
        IGrainFactory grains,
        CancellationToken cancellation
    ) => new() { Cancel = (await Execution(grains, id).Heartbeat(body.Runner, cancellation)).Cancel };

    private static async Task<IResult> ReportAsync(
        string id,
        StatusReport body,
        IGrainFactory grains,
        ExecutionMasks masks,
        CancellationToken cancellation
    )
    {
        if (!Words.TryParseStatus(body.Status, out var status) || status is not (Status.Success or Status.Failed or Status.Canceled))
        {
            throw new MalformedException(
                "status_malformed",
                "status",
                $"'{Fields.Short(body.Status)}' can't be reported: expected success, failed or canceled."
            );
        }

        if (
            body.LogsUri is not null
            && !(
                Fields.Text(body.LogsUri, "logs_uri", Fields.Url) is { } uri
                && Uri.TryCreate(uri, UriKind.Absolute, out var parsedUri)
                && parsedUri.Scheme is "http" or "https"
            )
        )
        {
            throw new MalformedException("logs_uri_malformed", "logs_uri", "logs_uri must be an http or https URL.");
        }

        if (body.Artifacts.Count > MostArtifacts)
        {
            throw new MalformedException(
                "artifacts_too_many",
                "artifacts",
                $"artifacts names {body.Artifacts.Count} artifacts; it may name {MostArtifacts}."
            );
        }

        Reason? reason = null;
        if (body.Reason is not null)
        {
            reason = Words.TryParseReason(body.Reason, out var parsed)
                ? parsed
                : throw new MalformedException(
                    "reason_malformed",
                    "reason",
                    $"'{Fields.Short(body.Reason)}' is no reason of the closed set."
                );
        }

        var mask = await masks.OfAsync(Ids.Parse<ExecutionId>(id), cancellation);
        var detail = body.Detail is null ? null : mask.Hide(body.Detail);
        await Execution(grains, id)
            .Report(
                new()
                {
                    Status = status,
                    ExitCode = body.ExitCode,
                    LogsUri = body.LogsUri is null ? null : mask.Hide(body.LogsUri),
                    Artifacts = [.. body.Artifacts.Select(a => Ids.Parse<ArtifactId>(a, "artifacts"))],
                    Reason = reason,
                    Detail = detail is null ? null : StorableText.Cut(detail, 4000),
                },
                cancellation
            );
        masks.Forget(Ids.Parse<ExecutionId>(id));
        return TypedResults.Ok(new RunnerResponse());
    }

    private static async Task<RunnerResponse> AppendAsync(
        string id,
        long? offset,
        HttpContext context,
        IGrainFactory grains,
        ILogStore logs,
        ExecutionMasks masks,
        IOptions<WebOptions> options,
        CancellationToken cancellation
    )
    {
        RequireBytes(context);
        if (offset is not >= 0)
        {
            throw new MalformedException(
                "offset_malformed",
                "offset",
                "offset must be the place of the chunk in the log, in bytes, 0 or more."
            );
        }

        var times = LogTimes(context.Request.Headers[RunnerClient.LogTimesHeader].ToString());
        var heartbeat = await Execution(grains, id).Heartbeat("", cancellation);
        using var chunk = new MemoryStream();
        Limit(context, options.Value.MaxLogChunkBytes);
        await context.Request.Body.CopyToAsync(chunk, cancellation);
        var execution = Ids.Parse<ExecutionId>(id);
        if (heartbeat.IsIdle)
        {
            // The answer to what is there already may have been lost; nothing is added.
            var known = await logs.Info(execution, cancellation);
            return chunk.Length <= known.Length && offset <= known.Length - chunk.Length
                ? new() { Length = known.Length, Cancel = true }
                : throw NotAtWork(id);
        }

        var rules = new LogRules
        {
            Masker = await masks.OfAsync(execution, cancellation),
            MaxBytes = options.Value.MaxLogBytes,
            FullNotice =
                $"[shipinator] The log has reached its limit of {options.Value.MaxLogBytes} bytes; what follows is not kept. The step goes on. (Shipinator:Storage:MaxLogBytes)",
        };
        var appended = await logs.Append(
            execution,
            offset.Value,
            chunk.GetBuffer().AsMemory(0, (int)chunk.Length),
            times,
            rules,
            cancellation
        );
        return new()
        {
            Length = appended.Length,
            Cancel = heartbeat.Cancel,
            LogFull = appended.IsFull,
        };
    }

    /// <summary>When the bytes of a chunk were printed, as its header says.</summary>
    private static List<LogTime> LogTimes(string header)
    {
        var times = new List<LogTime>();
        foreach (var mark in header.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (
                times.Count == RunnerClient.MaxLogTimes
                || mark.Split('=') is not [var offset, var at]
                || !long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var place)
                || !long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
                || milliseconds > MostMilliseconds
            )
            {
                throw new MalformedException(
                    "log_times_malformed",
                    RunnerClient.LogTimesHeader,
                    $"{RunnerClient.LogTimesHeader} must be up to {RunnerClient.MaxLogTimes} of OFFSET=MILLISECONDS, separated by commas: a place in the log, and when what follows was printed, since 1970."
                );
            }

            times.Add(new(place, DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)));
        }

        return times;
    }

    private static async Task<UploadedArtifact> UploadAsync(
        string id,
        string type,
        string name,
        string? @ref,
        HttpContext context,
        IGrainFactory grains,
        ArtifactUploads uploads,
        CancellationToken cancellation
    )
    {
        RequireBytes(context);
        var execution = await Execution(grains, id).Get(cancellation);
        return execution.Life.IsTerminal || execution.ClaimedBy is null
            ? throw NotAtWork(id)
            : await uploads.TakeAsync(execution, type, name, @ref, context.Request, cancellation);
    }

    private static ConflictException NotAtWork(string id) =>
        new("already_ended", $"Nothing can be added to execution {id}: it has ended, or no runner has claimed it yet.");

    internal static void Limit(HttpContext context, long bytes)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = bytes;
        }
    }

    private static void RequireBytes(HttpContext context)
    {
        if (context.Request.ContentType is not { } type || !type.StartsWith("application/octet-stream", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException(
                "The body must be bytes, of type application/octet-stream.",
                StatusCodes.Status415UnsupportedMediaType
            );
        }
    }

    private static IExecutionGrain Execution(IGrainFactory grains, string id) =>
        grains.GetGrain<IExecutionGrain>(Ids.Parse<ExecutionId>(id).Value);
}
