namespace Shipinator.Globbing;

/// <summary>
/// Counts the work of matching, so that a test can measure it and a server can end it: the number does not depend on the
/// machine. Not thread-safe.
/// </summary>
/// <param name="limit">The most steps; one step is one look of one state at one character.</param>
internal sealed class GlobCost(long limit)
{
    /// <summary>What was spent so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Errors: <see cref="GlobTooCostlyException"/> when the limit is passed.</summary>
    public void Charge(long steps)
    {
        Steps += steps;
        if (Steps > limit)
        {
            throw new GlobTooCostlyException(limit);
        }
    }
}

/// <summary>Matching would take more work than allowed.</summary>
internal sealed class GlobTooCostlyException(long limit) : Exception($"Matching takes more than {limit} steps.");
