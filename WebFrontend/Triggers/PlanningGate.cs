using System.Threading.RateLimiting;

namespace Shipinator.WebFrontend.Triggers;

/// <summary>
/// How many pipeline files are read and planned at once. Each takes a part of a second at most, but a processor for that time:
/// beyond the number of processors the rest of the server would wait. Whoever comes then is told to come again.
/// </summary>
public sealed class PlanningGate : IDisposable
{
    private readonly ConcurrencyLimiter _limiter;

    /// <summary>For this machine.</summary>
    public PlanningGate()
        : this(Math.Max(2, Environment.ProcessorCount)) { }

    /// <summary>With a number of its own.</summary>
    public PlanningGate(int atOnce) => _limiter = new(new ConcurrencyLimiterOptions { PermitLimit = atOnce, QueueLimit = 1000 });

    /// <summary>At once or not at all, for what is only asked. Errors: <see cref="PlanningBusyException"/>. What is returned gives the place back.</summary>
    public IDisposable Enter() => Require(_limiter.AttemptAcquire());

    /// <summary>In its turn, for what makes a run. Errors: as <see cref="Enter"/>.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken) =>
        Require(await _limiter.AcquireAsync(1, cancellationToken));

    private static RateLimitLease Require(RateLimitLease lease)
    {
        if (!lease.IsAcquired)
        {
            lease.Dispose();
            throw new PlanningBusyException();
        }

        return lease;
    }

    /// <inheritdoc/>
    public void Dispose() => _limiter.Dispose();
}

/// <summary>Too many pipeline files are read at once.</summary>
public sealed class PlanningBusyException()
    : Exception("The server reads as many pipeline files at once as it can; the same request may succeed in a second.");
