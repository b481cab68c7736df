using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>How runs ended, day by day, as it was read at a time.</summary>
public sealed record Trend(IReadOnlyList<DayTrend> Days, DateTimeOffset ReadAt)
{
    /// <summary>Weeks of history are a large reading, and look the same a moment later.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(15);

    /// <summary>The one that is known, while it is fresh; else a new one.</summary>
    public static async Task<Trend> ReadAsync(Trend? known, TimeProvider time, Func<Task<IReadOnlyList<DayTrend>>> read) =>
        known is not null && time.GetUtcNow() - known.ReadAt < Fresh ? known : new(await read(), time.GetUtcNow());
}
