using System.Collections.Concurrent;

namespace Shipinator.Forges.Git;

/// <summary>
/// Limits concurrent fetches in total and per host, so that an unresponsive host does not affect the others. Waiting blocks no thread and
/// times out.
/// </summary>
internal sealed class HostSlots(int perHost, int all, TimeSpan patience, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _all = new(all, all);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _hosts = new(StringComparer.Ordinal);

    /// <summary>Dispose what is returned. Errors: <see cref="ForgeException"/> when no slot is free in time.</summary>
    public async Task<IDisposable> TakeAsync(string host, CancellationToken cancellationToken)
    {
        var own = _hosts.GetOrAdd(host, _ => new(perHost, perHost));
        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await own.WaitAsync(either.Token);
            try
            {
                await _all.WaitAsync(either.Token);
            }
            catch
            {
                own.Release();
                throw;
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ForgeException(
                ForgeException.Unreachable,
                $"No fetch from {host} can start: the maximum number of concurrent fetches (Shipinator:Git:FetchesPerHost, Fetches) was "
                    + $"still running after {patience.TotalSeconds:0} s. Retry later.",
                e
            );
        }

        return new Slot(own, _all);
    }

    public void Dispose() => _all.Dispose();

    private sealed class Slot(SemaphoreSlim own, SemaphoreSlim all) : IDisposable
    {
        public void Dispose()
        {
            all.Release();
            own.Release();
        }
    }
}
