using System.Net;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Requests that a server which is away only delays.</summary>
internal static class Persistence
{
    private const int Tries = 8;

    /// <summary>
    /// Tries until there is an answer that will not change. Errors: <see cref="PrepareException"/> with the server's refusal or what
    /// is wrong with this machine's disk, <see cref="OperationCanceledException"/>.
    /// </summary>
    public static async Task<T> TryAsync<T>(Func<Task<T>> call, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await TryRawAsync(call, time, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new PrepareException($"The server refused an artifact: {e.Message}");
        }
        catch (LocalFileException e)
        {
            throw new PrepareException($"An artifact can't be written on this machine: {e.Message}");
        }
    }

    /// <summary>The same; a refusal comes as it is (<see cref="HttpRequestException"/>).</summary>
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
            catch (IOException) when (failures < Tries)
            {
                await Backoff.WaitAsync(failures, time).WaitAsync(cancellationToken);
            }
        }
    }
}
