namespace Shipinator;

/// <summary>Delays that double with each failure.</summary>
public static class Doubling
{
    /// <summary>More would overflow, and exceed any limit.</summary>
    private const int Most = 20;

    /// <summary>The first delay, doubled a number of times, but at most <paramref name="longest"/>.</summary>
    public static TimeSpan Of(TimeSpan first, int times, TimeSpan longest)
    {
        var wait = first * Math.Pow(2, Math.Min(times, Most));
        return wait < longest ? wait : longest;
    }
}
