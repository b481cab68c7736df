using System.Collections.Concurrent;

namespace Shipinator.Forges.Git;

/// <summary>
/// Bounds how many fetches run at once, in all and of each host, so that a host that does not answer takes nothing from the others.
/// Those who wait block no thread and give up after a while.
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
                $"{host} can't be asked now: as many fetches as are allowed at once are still running and none ended within {patience.TotalSeconds:0} s. Try again later.",
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
