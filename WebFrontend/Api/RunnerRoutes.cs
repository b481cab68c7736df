using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Shipinator.Client;
using Shipinator.Schema;
using Shipinator.Triggers;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>The routes of runners; each needs the token of the execution that it names.</summary>
internal static class RunnerRoutes
{
    private const int LongestWaitSeconds = 25;
    private const int MostArtifacts = 10_000;

    /// <summary>The end of the year 9999, in milliseconds since 1970: the latest time that .NET represents.</summary>
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
        // Not a secret: a pod downloads its runner before it has a token.
        v1.MapGet("/runner", Program).AllowAnonymous().WithTags("Runner").Produces<byte[]>(200, "application/octet-stream").Produces(404);
    }

    private static async Task<IResult> ClaimAsync(
        string id,
        ClaimRequest body,
        IGrainFactory grains,
        ISecretSource secrets,
        ExecutionMasks masks,
        IRepositoryCredentials credentials,
        IExecutorRegistry executors,
        IOptions<WebOptions> options,
        CancellationToken cancellation
    )
    {
        if (body.Runner is not { Length: > 0 and <= 100 })
        {
            throw new MalformedException("runner_malformed", "runner", "runner must name the runner process, in 1 to 100 characters.");
        }

        var wait = TimeSpan.FromSeconds(Math.Clamp(body.WaitSeconds, 0, LongestWaitSeconds));
        var result = await Execution(grains, id).Claim(body.Runner, wait, cancellation);
        if (result.Kind == ClaimKind.NotYet && body.JobId is not null)
        {
            // An execution that was never started has no row, so the job is asked whether its step was skipped.
            var place = await grains
                .GetGrain<IJobGrain>(Ids.Parse<JobId>(body.JobId, "job_id").Value)
                .StepOf(Ids.Parse<ExecutionId>(id), cancellation);
            result = place.Kind == StepProgressKind.Over ? result with { Kind = ClaimKind.NotNeeded } : result;
        }

        if (result.Kind != ClaimKind.Work)
        {
            return result.Kind == ClaimKind.NotYet
                ? TypedResults.NoContent()
                : Problem.Of(410, "not_needed", $"Execution {id} is no longer needed.");
        }

        var spec = result.Spec!;
        var asked = SecretRequest.Of(spec);
        var resolved = spec.Secrets.IsEmpty ? ResolvedSecrets.None : await secrets.Resolve(asked, cancellation);
        if (resolved.Problem(spec.StepName) is { } missing)
        {
            // Removed, or limited, since the execution was started.
            await Execution(grains, id)
                .Report(
                    new()
                    {
                        Status = Status.Failed,
                        Reason = Reason.ConfigError,
                        Detail = StorableText.Cut(missing, 4000),
                    },
                    cancellation
                );
            return Problem.Of(410, "not_needed", missing);
        }

        // Whatever the source says: nothing for a fork.
        var values = asked.Origin.IsFork ? new Dictionary<string, string>() : resolved.Values;
        // The server decides what a claim contains, whatever the body says. Where something else prepares the workspace there is no source,
        // and only the claim that creates the workspace has the credential. A silo of an older version does not send the executor type.
        var source = body.Prepared || (result.ExecutorType is { } type && !executors.Get(type).RunnersClone) ? null : spec.Worker.Source;
        var known = spec.Worker.Source is { } origin
            ? await credentials.Find(spec.Worker.RepositoryId, origin.CloneUrl, cancellation)
            : null;
        var credential = source is null ? null : known;
        var given = result.MayClone ? credential : null;
        masks.Claimed(spec.ExecutionId, values.Values, known);
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
                Env =
                    resolved.Withheld.Count == 0
                        ? spec.Env
                        : spec.Env.SetItem(ResolvedSecrets.WithheldVariable, string.Join(',', resolved.Withheld)),
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
                        IsReadOnly = spec.Cache.IsReadOnly,
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
    /// The token of the next attempt: only for the process that claimed this one (a step may know its runner's token, but is not that
    /// process), and only where one process serves all attempts.
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
            return Problem.Of(410, "not_needed", $"Executor '{execution.ExecutorType}' starts a runner for each attempt of a step.");
        }

        if (
            execution.ClaimedBy is not { } claimed
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(claimed), Encoding.UTF8.GetBytes(body?.Runner ?? ""))
        )
        {
            return Problem.Of(403, "other_runner", $"Only the runner that claimed execution {id} may ask for the next one.");
        }

        var place = await grains.GetGrain<IJobGrain>(execution.Spec.Worker.JobId.Value).StepOf(execution.Id, cancellation);
        return place switch
        {
            { Kind: StepProgressKind.Next, Next: { } next } => TypedResults.Ok(
                new NextResponse { ExecutionId = next.ToString(), Token = tokens.Issue(next) }
            ),
            { Kind: StepProgressKind.NotYet } => TypedResults.NoContent(),
            _ => Problem.Of(410, "not_needed", $"The step of execution {id} has ended."),
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
            : Problem.Of(
                404,
                "runner_not_installed",
                $"This server has no static runner at '{options.Value.StaticRunnerPath}'; build one with Runner/publish-static.sh and set "
                    + "Shipinator:StaticRunnerPath to its path."
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
                $"'{Fields.Excerpt(body.Status)}' is not a status that a runner can report; expected success, failed or canceled."
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
                $"artifacts must have at most {MostArtifacts} ids, but has {body.Artifacts.Count}."
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
                    $"'{Fields.Excerpt(body.Reason)}' is not a valid reason; "
                        + $"expected one of {string.Join(", ", Enum.GetValues<Reason>().Select(r => r.Word()))}."
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
                "offset is required and must be 0 or greater: where the chunk begins in the log, in bytes."
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
            // The response to an earlier append may have been lost: confirm it, and add nothing.
            var known = await logs.Info(execution, cancellation);
            return chunk.Length <= known.Length && offset <= known.Length - chunk.Length
                ? new() { Length = known.Length, Cancel = true }
                : throw NotActive(id);
        }

        var rules = new LogRules
        {
            Masker = await masks.OfAsync(execution, cancellation),
            MaxBytes = options.Value.MaxLogBytes,
            FullNotice =
                $"[shipinator] The log has reached its limit of {options.Value.MaxLogBytes} bytes (Shipinator:Storage:MaxLogBytes); "
                + "further output is discarded. The step continues.",
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

    /// <summary>When the bytes of a chunk were printed, from its header.</summary>
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
                    $"{RunnerClient.LogTimesHeader} must be at most {RunnerClient.MaxLogTimes} pairs OFFSET=MILLISECONDS, "
                        + "separated by commas: an offset in the log, and when the bytes from there on were printed, "
                        + "in milliseconds since 1970."
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
            ? throw NotActive(id)
            : await uploads.StoreAsync(execution, type, name, @ref, context.Request, cancellation);
    }

    private static ConflictException NotActive(string id) =>
        new("already_ended", $"Nothing can be added to execution {id}, because it has ended or no runner has claimed it yet.");

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
                "The Content-Type of the body must be application/octet-stream.",
                StatusCodes.Status415UnsupportedMediaType
            );
        }
    }

    private static IExecutionGrain Execution(IGrainFactory grains, string id) =>
        grains.GetGrain<IExecutionGrain>(Ids.Parse<ExecutionId>(id).Value);
}
