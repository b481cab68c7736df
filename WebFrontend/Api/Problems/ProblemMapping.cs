using Microsoft.AspNetCore.Http.HttpResults;
using Shipinator.Triggers;
using Shipinator.Triggers.Secrets;
using Shipinator.WebFrontend.Api.Responses;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>Maps exceptions to problem details with status and code.</summary>
internal static class ProblemMapping
{
    /// <summary>Unwraps exceptions of grain activation, which Orleans wraps.</summary>
    public static Exception Cause(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (
                inner
                is ShipinatorException
                    or MalformedException
                    or RateLimitedException
                    or PipelineFileException
                    or BadHttpRequestException
            )
            {
                return inner;
            }
        }

        return exception;
    }

    /// <summary>The problem that an error becomes.</summary>
    public static ProblemHttpResult Map(Exception exception, HttpContext context) =>
        exception switch
        {
            MalformedException e => Problem.Of(400, e.Code, e.Message, Problem.Field(e.Field, e.Message)),
            PipelineFileException e => Problem.Of(
                422,
                "pipeline_file_invalid",
                e.Message,
                new Dictionary<string, object?> { ["pipeline_errors"] = e.Errors.Select(PipelineFileResponses.Of).ToList() }
            ),
            BadHttpRequestException e when RequestFaults.Describe(e) is var (detail, field) => Problem.Of(
                e.StatusCode,
                e.StatusCode switch
                {
                    413 => "body_too_large",
                    415 => "media_type_unsupported",
                    _ => "request_malformed",
                },
                detail,
                field is null ? null : Problem.Field(field, detail)
            ),
            NotFoundException e => Problem.Of(404, e.Code, e.Message),
            AlreadyEndedException e => Problem.Of(
                409,
                e.Code,
                e.Message,
                new Dictionary<string, object?> { ["execution_status"] = e.Status.Word() }
            ),
            ConflictException e => Problem.Of(409, e.Code, e.Message),
            TransitionRefusedException e => Problem.Of(409, e.Code, e.Message),
            InvalidInputException { Code: Schema.StorableText.Code } e => Problem.Of(400, e.Code, e.Message),
            InvalidInputException e
                when e.Code.StartsWith("cursor", StringComparison.Ordinal)
                    || e.Code.StartsWith("limit", StringComparison.Ordinal)
                    || e.Code.StartsWith("page", StringComparison.Ordinal) => Problem.Of(400, e.Code, e.Message),
            InvalidInputException e => Problem.Of(422, e.Code, e.Message),
            ForgeException { Code: ForgeException.Unreachable } e => Problem.Of(502, e.Code, e.Message),
            ForgeException { Code: ForgeException.NotAllowed } e => Problem.Of(
                400,
                e.Code,
                e.Message,
                Problem.Field("clone_url", e.Message)
            ),
            ForgeRequestException e => Problem.Of(502, e.Code, e.Message),
            ForgeException e => Problem.Of(422, e.Code, e.Message),
            ExecutorException e => Problem.Of(e.IsTransient ? 503 : 422, e.Code, e.Message),
            ShipinatorException { Code: SecretErrors.UnknownKey or SecretErrors.Unreadable } e => Problem.Of(409, e.Code, e.Message),
            StorageUnavailableException e => Problem.Of(503, e.Code, e.Message),
            RateLimitedException e => Problem.Of(429, e.Code, e.Message),
            PlanningBusyException e => Problem.Of(503, "planning_busy", e.Message),
            OperationCanceledException
            or TimeoutException
            or OrleansMessageRejectionException
            or SiloUnavailableException
            or Orleans.Storage.InconsistentStateException => Problem.Of(
                503,
                "temporarily_unavailable",
                "The silo that owns this resource can't be reached at the moment; retry the request in a few seconds."
            ),
            _ => Problem.Of(
                500,
                "internal_error",
                $"The server failed to process the request; see its log for request {context.TraceIdentifier}."
            ),
        };
}
