using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Shipinator.Client;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Problems;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>The runner's side: only with the token of the very execution that the route names.</summary>
internal static class RunnerRoutes
{
    private const int LongestWaitSeconds = 25;

    /// <summary>The end of the year 9999: no clock shows more.</summary>
    private const long MostMilliseconds = 253_402_300_799_999;

    public static void MapRunner(this IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/executions/{id}").WithTags("Runner").RequireAuthorization(Policies.Execution);
        group.MapPost("/claim", ClaimAsync).Produces<ClaimAnswer>().Produces(204).Produces(410);
        group.MapPost("/next", NextAsync).Produces<NextAnswer>().Produces(204).Produces(410);
        group.MapPost("/heartbeat", HeartbeatAsync);
        group.MapPost("/status", ReportAsync);
        group.MapPost("/logs", AppendAsync).Accepts<byte[]>("application/octet-stream").Produces<RunnerAnswer>();
        group.MapPost("/artifacts", UploadAsync).Accepts<byte[]>("application/octet-stream").Produces<UploadedArtifact>();
        // No secret: a pod that has nothing yet fetches its runner here.
        v1.MapGet("/runner", Program).AllowAnonymous().WithTags("Runner").Produces<byte[]>(200, "application/octet-stream").Produces(404);
    }

    private static async Task<IResult> ClaimAsync(
        string id, ClaimRequest body, IGrainFactory grains, ISecretSource secrets, IGitCredentials credentials, IOptions<WebOptions> options, CancellationToken cancellation)
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
            var place = await grains.GetGrain<IJobGrain>(Ids.Parse<JobId>(body.JobId, "job_id").Value).StepOf(Ids.Parse<ExecutionId>(id), cancellation);
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
        var source = body.Prepared ? null : spec.Worker.Source;
        var credential = source is null ? null : await credentials.Find(source.CloneUrl, cancellation);
        return TypedResults.Ok(new ClaimAnswer
        {
            ExecutionId = id,
            StepName = spec.StepName,
            JobId = spec.Worker.JobId.ToString(),
            JobAttempt = spec.Worker.Attempt,
            Script = spec.Script,
            Command = spec.Script is null ? spec.Command : null,
            CommandExpressions = spec.Script is null ? spec.CommandExpressions : null,
            Env = spec.Env,
            EnvExpressions = spec.EnvExpressions,
            Earlier = spec.Earlier?.Select(e => new EarlierAnswer { StepName = e.StepName, ExecutionId = e.ExecutionId.ToString(), GivesVariables = e.GivesVariables }).ToList(),
            Secrets = values,
            Workdir = spec.Workdir,
            TimeoutSeconds = spec.Timeout.TotalSeconds,
            GraceSeconds = options.Value.CancelGrace.TotalSeconds,
            Source = source is null ? null : new() { CloneUrl = source.CloneUrl, Ref = source.Ref, Commit = source.Commit, Username = credential?.Username, Password = credential?.Password },
            Inputs = [.. result.Inputs.Select(i => new InputAnswer { ArtifactId = i.Artifact.Id.ToString(), FileName = i.Artifact.FileName, Path = i.Path, Target = i.Target, Sha256 = i.Artifact.Sha256, Ref = i.Artifact.Ref })],
            Outputs = [.. spec.Artifacts.Select(o => new OutputAnswer { Type = o.Type, Path = o.Path, Ref = o.Ref })],
            Cache = spec.Cache is null ? null : new() { Scope = spec.Worker.RepositoryId.ToString(), Image = spec.Image, KeyFiles = spec.Cache.Key, Paths = spec.Cache.Paths, RestoreDepths = spec.Cache.RestoreDepths },
        });
    }

    private static async Task<IResult> NextAsync(string id, IGrainFactory grains, IExecutionTokens tokens, CancellationToken cancellation)
    {
        var execution = await Execution(grains, id).Get(cancellation);
        var place = await grains.GetGrain<IJobGrain>(execution.Spec.Worker.JobId.Value).StepOf(execution.Id, cancellation);
        return place switch
        {
            { Kind: StepPlaceKind.Next, Next: { } next } => TypedResults.Ok(new NextAnswer { ExecutionId = next.ToString(), Token = tokens.Issue(next) }),
            { Kind: StepPlaceKind.NotYet } => TypedResults.NoContent(),
            _ => ProblemHandler.Problem(410, "not_needed", $"The step of execution {id} is over."),
        };
    }

    private static IResult Program(IOptions<WebOptions> options)
    {
        var file = Path.GetFullPath(options.Value.StaticRunnerPath, AppContext.BaseDirectory);
        return File.Exists(file)
            ? TypedResults.PhysicalFile(file, "application/octet-stream", "runner", File.GetLastWriteTimeUtc(file), enableRangeProcessing: true)
            : ProblemHandler.Problem(404, "runner_not_installed", $"This server has no static runner to give: make one with Runner/publish-static.sh and name it in Shipinator:StaticRunnerPath (now {options.Value.StaticRunnerPath}).");
    }

    private static async Task<RunnerAnswer> HeartbeatAsync(string id, HeartbeatRequest body, IGrainFactory grains, CancellationToken cancellation) =>
        new() { Cancel = (await Execution(grains, id).Heartbeat(body.Runner, cancellation)).Cancel };

    private static async Task<IResult> ReportAsync(string id, StatusReport body, IGrainFactory grains, CancellationToken cancellation)
    {
        if (!Words.TryParseStatus(body.Status, out var status) || status is not (Status.Success or Status.Failed or Status.Canceled))
        {
            throw new MalformedException("status_malformed", "status", $"'{body.Status}' can't be reported: expected success, failed or canceled.");
        }

        Reason? reason = null;
        if (body.Reason is not null)
        {
            reason = Words.TryParseReason(body.Reason, out var parsed)
                ? parsed
                : throw new MalformedException("reason_malformed", "reason", $"'{body.Reason}' is no reason of the closed set.");
        }

        await Execution(grains, id).Report(
            new()
            {
                Status = status,
                ExitCode = body.ExitCode,
                LogsUri = body.LogsUri,
                Artifacts = [.. body.Artifacts.Select(a => Ids.Parse<ArtifactId>(a, "artifacts"))],
                Reason = reason,
                Detail = body.Detail is { Length: > 4000 } ? body.Detail[..4000] : body.Detail,
            },
            cancellation);
        return TypedResults.Ok(new RunnerAnswer());
    }

    private static async Task<RunnerAnswer> AppendAsync(
        string id, long? offset, HttpContext context, IGrainFactory grains, ILogStore logs, IOptions<WebOptions> options, CancellationToken cancellation)
    {
        RequireBytes(context);
        if (offset is not >= 0)
        {
            throw new MalformedException("offset_malformed", "offset", "offset must be the place of the chunk in the log, in bytes, 0 or more.");
        }

        var times = LogTimes(context.Request.Headers[RunnerClient.LogTimesHeader].ToString());
        var heartbeat = await Execution(grains, id).Heartbeat("", cancellation);
        using var chunk = new MemoryStream();
        Limit(context, options.Value.MaxLogChunkBytes);
        await context.Request.Body.CopyToAsync(chunk, cancellation);
        var length = await logs.Append(Ids.Parse<ExecutionId>(id), offset.Value, chunk.GetBuffer().AsMemory(0, (int)chunk.Length), times, cancellation);
        return new() { Length = length, Cancel = heartbeat.Cancel };
    }

    /// <summary>When the bytes of a chunk were printed, as its header says.</summary>
    private static List<LogTime> LogTimes(string header)
    {
        var times = new List<LogTime>();
        foreach (var mark in header.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (times.Count == RunnerClient.MostLogTimes || mark.Split('=') is not [var offset, var at]
                || !long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var place) || !long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
                || milliseconds > MostMilliseconds)
            {
                throw new MalformedException(
                    "log_times_malformed", RunnerClient.LogTimesHeader,
                    $"{RunnerClient.LogTimesHeader} must be up to {RunnerClient.MostLogTimes} of OFFSET=MILLISECONDS, separated by commas: a place in the log, and when what follows was printed, since 1970.");
            }

            times.Add(new(place, DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)));
        }

        return times;
    }

    private static async Task<UploadedArtifact> UploadAsync(
        string id, string type, string name, string? @ref, HttpContext context, IGrainFactory grains, IArtifactStore store,
        ArtifactMetadataStore metadata, TimeProvider time, IOptions<WebOptions> options, CancellationToken cancellation)
    {
        RequireBytes(context);
        if (name.Length is 0 or > 1000 || name.Any(char.IsControl) || (@ref is null && (name.StartsWith('/') || name.Split('/').Contains(".."))))
        {
            throw new MalformedException("name_malformed", "name", "name must be a path below the workspace, with forward slashes.");
        }

        var execution = await Execution(grains, id).Get(cancellation);
        if (execution.Life.IsTerminal)
        {
            throw new ConflictException("already_ended", $"Execution {id} has ended as {execution.Life.Status.Word()}; nothing can be added to it.");
        }

        var artifact = ArtifactId.New(time);
        StoredArtifact? stored = null;
        if (@ref is null)
        {
            Limit(context, options.Value.MaxArtifactBytes);
            var digest = context.Request.Headers["X-Content-SHA256"].ToString() is { Length: > 0 } given ? given : null;
            stored = await store.Put(
                artifact, new(type, name, execution.Spec.Worker.JobId, execution.Id, time.GetUtcNow()), context.Request.Body, digest, cancellation);
        }

        var (row, added) = await metadata.InsertAsync(
            new()
            {
                Id = artifact,
                JobId = execution.Spec.Worker.JobId,
                ExecutionId = execution.Id,
                Type = type,
                FileName = name,
                StorageBackend = store.Backend,
                StoragePath = stored?.StoragePath ?? "",
                Checksum = stored?.Sha256,
                Size = stored?.Size ?? 0,
                Ref = @ref,
                CreatedAt = time.GetUtcNow(),
            },
            cancellation);
        if (!added && stored is not null)
        {
            await store.Delete(stored.StoragePath, cancellation);
            if (row.Checksum != stored.Sha256)
            {
                throw new ConflictException("artifact_exists", $"Execution {id} has left another {type} named {name} already; artifacts never change.");
            }
        }

        return new() { Id = row.Id.ToString(), Sha256 = row.Checksum, Size = row.Size };
    }

    private static void Limit(HttpContext context, long bytes)
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
            throw new BadHttpRequestException("The body must be bytes, of type application/octet-stream.", StatusCodes.Status415UnsupportedMediaType);
        }
    }

    private static IExecutionGrain Execution(IGrainFactory grains, string id) => grains.GetGrain<IExecutionGrain>(Ids.Parse<ExecutionId>(id).Value);
}
