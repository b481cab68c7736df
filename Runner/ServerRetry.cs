using System.Net;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Retries requests until the server responds: an unreachable server only delays them.</summary>
internal static class ServerRetry
{
    private const int MaxDiskAttempts = 8;

    /// <summary>
    /// Repeats until there is a final response. Errors: <see cref="PrepareException"/> when the server rejects the request or
    /// this machine's disk fails, <see cref="OperationCanceledException"/>.
    /// </summary>
    public static async Task<T> TryAsync<T>(Func<Task<T>> call, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await TryRawAsync(call, time, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new PrepareException($"The server rejected a request for an artifact: {e.Message}");
        }
        catch (LocalFileException e)
        {
            throw new PrepareException($"An artifact can't be written on this machine: {e.Message}");
        }
    }

    /// <summary>Repeats until there is a final response; a rejection is thrown unchanged (<see cref="HttpRequestException"/>).</summary>
    public static async Task<T> TryRawAsync<T>(Func<Task<T>> call, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await call();
            }
            catch (HttpRequestException e)
                when (e.StatusCode
                        is null
                            or >= HttpStatusCode.InternalServerError
                            or HttpStatusCode.RequestTimeout
                            or HttpStatusCode.TooManyRequests
                )
            {
                cancellationToken.ThrowIfCancellationRequested();
                await Backoff.WaitAsync(failures, time).WaitAsync(cancellationToken);
            }
            catch (IOException) when (failures < MaxDiskAttempts)
            {
                await Backoff.WaitAsync(failures, time).WaitAsync(cancellationToken);
            }
        }
    }
}
