namespace Shipinator.Grains.Tests.Engine;

/// <summary>
/// The machine's clock plus what the test adds. Timers follow the machine's clock: no test depends on when exactly they fire.
/// </summary>
internal sealed class AdvancedClock : TimeProvider
{
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Advanced;

    public override long GetTimestamp() => (System.GetElapsedTime(0) + Advanced).Ticks;

    private TimeSpan Advanced => new(Interlocked.Read(ref _ticks));
}

/// <summary>A cluster whose clock the test advances, for the tests of one class, which run one after the other.</summary>
public sealed class AdvancedEngine : IAsyncLifetime
{
    internal AdvancedClock Clock { get; } = new();

    internal EngineCluster Engine { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Engine = new() { Clock = Clock, Configure = o => o.RetryDelay = TimeSpan.FromSeconds(20) };
        await Engine.InitializeAsync();
    }

    public ValueTask DisposeAsync() => Engine.DisposeAsync();
}
