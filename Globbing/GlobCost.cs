namespace Shipinator.Globbing;

/// <summary>
/// Counts the work of matching, independently of the machine, so that a test can measure it and a server can limit it. Not thread-safe.
/// </summary>
/// <param name="limit">The maximum number of steps; one step is one state at one character.</param>
internal sealed class GlobCost(long limit)
{
    /// <summary>The steps so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Errors: <see cref="GlobTooCostlyException"/> when the limit is exceeded.</summary>
    public void Charge(long steps)
    {
        Steps += steps;
        if (Steps > limit)
        {
            throw new GlobTooCostlyException(limit);
        }
    }
}

/// <summary>Matching exceeds the allowed work.</summary>
internal sealed class GlobTooCostlyException(long limit) : Exception($"Matching takes more than {limit} steps.");
