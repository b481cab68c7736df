using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.HttpResults;
using Shipinator.Pipelines;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>The request itself is malformed: 400, with the field that is wrong.</summary>
public sealed class MalformedException(string code, string field, string message) : Exception(message)
{
    /// <summary>A stable word.</summary>
    public string Code { get; } = code;

    /// <summary>Which part of the request.</summary>
    public string Field { get; } = field;
}

/// <summary>A pipeline file that can't be planned: 422 with its errors.</summary>
public sealed class PipelineFileException(IReadOnlyList<PipelineError> errors)
    : Exception($"The pipeline file has {errors.Count} error(s); the first: {errors[0]}")
{
    /// <summary>All of them.</summary>
    public IReadOnlyList<PipelineError> Errors { get; } = errors;
}

/// <summary>Turns every error into RFC 9457 problem details: a stable code, a sentence, no stack trace.</summary>
public sealed partial class ProblemHandler(ILogger<ProblemHandler> logger) : IExceptionHandler
{
    private const string TypeBase = "https://shipinator.dev/problems/";

    /// <inheritdoc/>
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        if (exception is OperationCanceledException && httpContext.RequestAborted.IsCancellationRequested)
        {
            return true;
        }

        exception = Cause(exception);
        var result = Map(exception, httpContext);
        if (result.StatusCode >= 500)
        {
            Failed(
                exception,
                httpContext.Request.Method,
                OneLine(httpContext.Request.Path),
                httpContext.TraceIdentifier,
                System.Diagnostics.Activity.Current?.Id
            );
        }

        if (exception is TooManyException { RetryAfter: var wait })
        {
            httpContext.Response.Headers.RetryAfter = Seconds(wait);
        }

        if (result.StatusCode == StatusCodes.Status503ServiceUnavailable)
        {
            httpContext.Response.Headers.RetryAfter = "2";
        }

        if (ProblemPage.IsWanted(httpContext))
        {
            await ProblemPage.WriteAsync(httpContext, result.StatusCode, result.ProblemDetails.Detail ?? "");
            return true;
        }

        await result.ExecuteAsync(httpContext);
        return true;
    }

    /// <summary>A problem with its code.</summary>
    public static ProblemHttpResult Problem(int status, string code, string detail, IReadOnlyDictionary<string, object?>? more = null)
    {
        var extensions = new Dictionary<string, object?> { ["code"] = code };
        foreach (var (key, value) in more ?? new Dictionary<string, object?>())
        {
            extensions[key] = value;
        }

        return TypedResults.Problem(detail, statusCode: status, type: TypeBase + code, extensions: extensions);
    }

    /// <summary>Too much was asked: 429, and when to try again.</summary>
    public static ProblemHttpResult TooMany(HttpContext context, string code, string detail, TimeSpan wait)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Response.Headers.RetryAfter = Seconds(wait);
        return Problem(StatusCodes.Status429TooManyRequests, code, detail);
    }

    /// <summary>As <c>Retry-After</c> tells a time.</summary>
    public static string Seconds(TimeSpan wait) =>
        Math.Max(1, Math.Ceiling(wait.TotalSeconds)).ToString("0", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>What happened to a grain when it was made, or read its state, arrives wrapped in errors of Orleans.</summary>
    internal static Exception Cause(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner is ShipinatorException or MalformedException or TooManyException or PipelineFileException or BadHttpRequestException)
            {
                return inner;
            }
        }

        return exception;
    }

    private static string OneLine(string path) => string.Concat(path.Select(c => char.IsControl(c) ? '?' : c));

    private static ProblemHttpResult Map(Exception exception, HttpContext context) =>
        exception switch
        {
            MalformedException e => Problem(400, e.Code, e.Message, Field(e.Field, e.Message)),
            PipelineFileException e => Problem(
                422,
                "pipeline_file_invalid",
                e.Message,
                new Dictionary<string, object?> { ["pipeline_errors"] = e.Errors.Select(Answers.Of).ToList() }
            ),
            BadHttpRequestException e when RequestFaults.Describe(e) is var (detail, field) => Problem(
                e.StatusCode,
                e.StatusCode switch
                {
                    413 => "body_too_large",
                    415 => "media_type_unsupported",
                    _ => "request_malformed",
                },
                detail,
                field is null ? null : Field(field, detail)
            ),
            NotFoundException e => Problem(404, e.Code, e.Message),
            AlreadyEndedException e => Problem(
                409,
                e.Code,
                e.Message,
                new Dictionary<string, object?> { ["execution_status"] = e.Status.Word() }
            ),
            ConflictException e => Problem(409, e.Code, e.Message),
            TransitionRefusedException e => Problem(409, e.Code, e.Message),
            InvalidInputException { Code: Schema.StorableText.Code } e => Problem(400, e.Code, e.Message),
            InvalidInputException e
                when e.Code.StartsWith("cursor", StringComparison.Ordinal)
                    || e.Code.StartsWith("limit", StringComparison.Ordinal)
                    || e.Code.StartsWith("page", StringComparison.Ordinal) => Problem(400, e.Code, e.Message),
            InvalidInputException e => Problem(422, e.Code, e.Message),
            ForgeException { Code: ForgeException.Unreachable } e => Problem(502, e.Code, e.Message),
            ForgeException { Code: ForgeException.NotAllowed } e => Problem(400, e.Code, e.Message, Field("clone_url", e.Message)),
            ForgeException e => Problem(422, e.Code, e.Message),
            ExecutorException e => Problem(e.IsTransient ? 503 : 422, e.Code, e.Message),
            StorageUnavailableException e => Problem(503, e.Code, e.Message),
            TooManyException e => Problem(429, e.Code, e.Message),
            Triggers.PlanningBusyException e => Problem(503, "planning_busy", e.Message),
            OperationCanceledException
            or TimeoutException
            or OrleansMessageRejectionException
            or SiloUnavailableException
            or Orleans.Storage.InconsistentStateException => Problem(
                503,
                "temporarily_unavailable",
                "The part of the cluster that owns this can't be reached at the moment; the same request may succeed in a few seconds."
            ),
            _ => Problem(
                500,
                "internal_error",
                $"Something went wrong on the server; its log names this request as {context.TraceIdentifier}."
            ),
        };

    private static Dictionary<string, object?> Field(string field, string message) =>
        new() { ["errors"] = new Dictionary<string, string[]> { [field] = [message] } };

    [LoggerMessage(3001, LogLevel.Error, "{Method} {Path} failed (request {RequestId}, trace {TraceId})")]
    private partial void Failed(Exception exception, string method, string path, string requestId, string? traceId);
}
