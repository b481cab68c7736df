using Microsoft.AspNetCore.Diagnostics;
using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>Turns every unhandled error into problem details, or into a page for a browser.</summary>
public sealed partial class ProblemHandler(ILogger<ProblemHandler> logger) : IExceptionHandler
{
    /// <inheritdoc/>
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        if (exception is OperationCanceledException && httpContext.RequestAborted.IsCancellationRequested)
        {
            return true;
        }

        exception = ProblemMapping.Cause(exception);
        var result = ProblemMapping.Map(exception, httpContext);
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

        if (exception is RateLimitedException { RetryAfter: var wait })
        {
            httpContext.Response.Headers.RetryAfter = Problem.Seconds(wait);
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

    private static string OneLine(string path) => string.Concat(path.Select(c => char.IsControl(c) ? '?' : c));

    [LoggerMessage(4001, LogLevel.Error, "{Method} {Path} failed (request {RequestId}, trace {TraceId})")]
    private partial void Failed(Exception exception, string method, string path, string requestId, string? traceId);
}
