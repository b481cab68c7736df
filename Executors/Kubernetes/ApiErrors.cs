using System.Globalization;
using System.Net;
using System.Text.Json;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>What the API server's refusals mean for an execution.</summary>
internal static class ApiErrors
{
    /// <summary>The server's own answer, when it gave one.</summary>
    public static V1Status? Answer(Exception error)
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

    /// <summary>How long the server asks to be left alone, in its answer's head or in its words; null when it does not ask.</summary>
    public static TimeSpan? RetryAfter(Exception error) =>
        error is HttpOperationException { Response.Headers: { } headers }
        && headers.TryGetValue("Retry-After", out var values)
        && int.TryParse(values.FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
        : Answer(error)?.Details?.RetryAfterSeconds is > 0 and var told ? TimeSpan.FromSeconds(told)
        : null;

    /// <summary>For what is tried again, with the server's wish for when.</summary>
    public static ExecutorException Transient(string what, Exception error) =>
        ExecutorException.Transient($"{what}: {Answer(error)?.Message ?? error.Message}", error, RetryAfter(error));

    public static bool IsNotFound(Exception error) => Code(error) == HttpStatusCode.NotFound;

    /// <summary>Name taken; a stale version is another conflict.</summary>
    public static bool IsAlreadyThere(Exception error) =>
        Code(error) == HttpStatusCode.Conflict && Answer(error)?.Reason is null or "AlreadyExists";

    /// <summary>Whether it came from talking to the API server, and not from a fault of ours.</summary>
    public static bool IsFromApi(Exception error, CancellationToken own) =>
        error switch
        {
            HttpOperationException
            or HttpRequestException
            or IOException
            or KubernetesException
            or System.Net.WebSockets.WebSocketException => true,
            // A time-out of the client, not somebody's wish to stop.
            OperationCanceledException or TimeoutException => !own.IsCancellationRequested,
            JsonException => true,
            _ => false,
        };

    /// <summary>Transient ones are tried again with backoff by the execution; the others end it.</summary>
    public static ExecutorException Translate(Exception error, string what, string @namespace)
    {
        var words = Answer(error)?.Message ?? error.Message;
        var code = Code(error);
        if (code is null)
        {
            return Transient($"The Kubernetes API server does not answer ({what})", error);
        }

        return (int)code.Value switch
        {
            403 when words.Contains("exceeded quota", StringComparison.Ordinal) => Transient(
                $"The quota of namespace {@namespace} is full",
                error
            ),
            403 when words.Contains("being terminated", StringComparison.Ordinal) => ExecutorException.Rejected(
                Reason.ConfigError,
                $"Namespace {@namespace} is being deleted: {words}"
            ),
            403 => ExecutorException.Rejected(
                Reason.ConfigError,
                $"Shipinator may not {what} in namespace {@namespace}: {words} Give its service account the Role of docs/kubernetes.md."
            ),
            401 => ExecutorException.Rejected(
                Reason.ConfigError,
                $"The Kubernetes API server does not accept Shipinator's credentials: {words}"
            ),
            404 => ExecutorException.Rejected(
                Reason.ConfigError,
                $"Namespace {@namespace} does not exist: {words} Create it, or change Shipinator:Kubernetes:Namespace."
            ),
            409 or 408 or 429 or >= 500 => Transient($"The Kubernetes API server can't {what} now ({(int)code.Value})", error),
            _ => ExecutorException.Rejected(Reason.ConfigError, $"Kubernetes refuses to {what} ({(int)code.Value}): {words}"),
        };
    }
}
