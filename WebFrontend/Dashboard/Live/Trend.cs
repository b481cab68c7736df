using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>The results of runs by day, and when they were read.</summary>
public sealed record Trend(IReadOnlyList<DayTrend> Days, DateTimeOffset ReadAt)
{
    /// <summary>Weeks of history are expensive to read and change slowly.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(15);

    /// <summary>Reads the trend unless the known one is recent enough.</summary>
    public static async Task<Trend> ReadAsync(Trend? known, TimeProvider time, Func<Task<IReadOnlyList<DayTrend>>> read) =>
        known is not null && time.GetUtcNow() - known.ReadAt < MaxAge ? known : new(await read(), time.GetUtcNow());
}
