namespace Shipinator.Triggers.Planning;

/// <summary>
/// Limits how many pipeline files are parsed and planned concurrently. Each one occupies a processor for a fraction of a second; more of
/// them than there are processors would starve the rest of the server.
/// </summary>
public sealed class PlanningGate : IDisposable
{
    private const int LongestQueue = 1000;
    private readonly SemaphoreSlim _free;
    private int _queued;

    /// <summary>One per processor of this machine, and at least two.</summary>
    public PlanningGate()
        : this(Math.Max(2, Environment.ProcessorCount)) { }

    /// <summary>Allows <paramref name="limit"/> concurrent plans.</summary>
    public PlanningGate(int limit) => _free = new(limit, limit);

    /// <summary>
    /// For requests that create nothing, such as lint: never waits. Errors: <see cref="PlanningBusyException"/> when the limit is reached.
    /// Dispose the result when the plan is complete.
    /// </summary>
    public IDisposable Enter() => _free.Wait(0) ? new Turn(_free) : throw new PlanningBusyException();

    /// <summary>
    /// For requests that create a run: waits until a plan may start. Errors: <see cref="PlanningBusyException"/> when 1000 requests already
    /// wait. Dispose the result when the plan is complete.
    /// </summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        if (_free.Wait(0, cancellationToken))
        {
            return new Turn(_free);
        }

        if (Interlocked.Increment(ref _queued) > LongestQueue)
        {
            Interlocked.Decrement(ref _queued);
            throw new PlanningBusyException();
        }

        try
        {
            await _free.WaitAsync(cancellationToken);
            return new Turn(_free);
        }
        finally
        {
            Interlocked.Decrement(ref _queued);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _free.Dispose();

    private sealed class Turn(SemaphoreSlim free) : IDisposable
    {
        private int _isDisposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            {
                free.Release();
            }
        }
    }
}
