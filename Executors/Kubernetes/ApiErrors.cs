using System.Globalization;
using System.Net;
using System.Text.Json;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Translates errors of the API server to executor errors.</summary>
internal static class ApiErrors
{
    /// <summary>The <c>Status</c> object in the response; null when there is none.</summary>
    public static V1Status? StatusOf(Exception error)
    {
        if (error is not HttpOperationException { Response.Content: { Length: > 0 } content })
        {
            return null;
        }

        try
        {
            return KubernetesJson.Deserialize<V1Status>(content);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static HttpStatusCode? Code(Exception error) => (error as HttpOperationException)?.Response?.StatusCode;

    /// <summary>The delay that the server asks for, in the response's header or body; null when it asks for none.</summary>
    public static TimeSpan? RetryAfter(Exception error) =>
        error is HttpOperationException { Response.Headers: { } headers }
        && headers.TryGetValue("Retry-After", out var values)
        && int.TryParse(values.FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
        : StatusOf(error)?.Details?.RetryAfterSeconds is > 0 and var told ? TimeSpan.FromSeconds(told)
        : null;

    /// <summary>An error after which the call is retried, with the server's <c>Retry-After</c>.</summary>
    public static ExecutorException Transient(string what, Exception error) =>
        ExecutorException.Transient($"{what}: {StatusOf(error)?.Message ?? error.Message}", error, RetryAfter(error));

    public static bool IsNotFound(Exception error) => Code(error) == HttpStatusCode.NotFound;

    /// <summary>Whether the name is taken; a stale resource version is another kind of conflict.</summary>
    public static bool IsAlreadyThere(Exception error) =>
        Code(error) == HttpStatusCode.Conflict && StatusOf(error)?.Reason is null or "AlreadyExists";

    /// <summary>Whether the error came from the communication with the API server rather than from our own code.</summary>
    public static bool IsFromApi(Exception error, CancellationToken own) =>
        error switch
        {
            HttpOperationException
            or HttpRequestException
            or IOException
            or KubernetesException
            or System.Net.WebSockets.WebSocketException => true,
            // A timeout of the client, not a cancellation by the caller.
            OperationCanceledException or TimeoutException => !own.IsCancellationRequested,
            JsonException => true,
            _ => false,
        };

    /// <summary>The executor error for an API error: the execution retries transient ones with backoff; the others end it.</summary>
    public static ExecutorException Translate(Exception error, string what, string @namespace)
    {
        var message = StatusOf(error)?.Message ?? error.Message;
        var code = Code(error);
        if (code is null)
        {
            return Transient($"The Kubernetes API server does not respond ({what})", error);
        }

        return (int)code.Value switch
        {
            403 when message.Contains("exceeded quota", StringComparison.Ordinal) => Transient(
                $"The quota of namespace {@namespace} is exhausted",
                error
            ),
            403 when message.Contains("being terminated", StringComparison.Ordinal) => ExecutorException.Rejected(
                Reason.ConfigError,
                $"Namespace {@namespace} is being deleted: {message}"
            ),
            403 => ExecutorException.Rejected(
                Reason.ConfigError,
                $"Shipinator is not allowed to {what} in namespace {@namespace}: {message} "
                    + "Grant its service account the Role in docs/kubernetes.md."
            ),
            401 => ExecutorException.Rejected(
                Reason.ConfigError,
                $"The Kubernetes API server rejected Shipinator's credentials: {message}"
            ),
            404 => ExecutorException.Rejected(
                Reason.ConfigError,
                $"Namespace {@namespace} does not exist: {message} Create it, or change Shipinator:Kubernetes:Namespace."
            ),
            409 or 408 or 429 or >= 500 => Transient($"The Kubernetes API server could not {what} ({(int)code.Value})", error),
            _ => ExecutorException.Rejected(Reason.ConfigError, $"Kubernetes refused to {what} ({(int)code.Value}): {message}"),
        };
    }
}
