namespace Shipinator.Grains.Tests.Engine;

/// <summary>A clock that goes like the machine's, and that the test turns forward. Timers go by the machine's: no test needs to hit their moment.</summary>
internal sealed class TurnedClock : TimeProvider
{
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Turn(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Turned;

    public override long GetTimestamp() => (System.GetElapsedTime(0) + Turned).Ticks;

    private TimeSpan Turned => new(Interlocked.Read(ref _ticks));
}

/// <summary>A cluster whose clock only goes forward, for the tests of one class, which run one after the other.</summary>
public sealed class TurnedEngine : IAsyncLifetime
{
    internal TurnedClock Clock { get; } = new();

    internal EngineCluster Engine { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Engine = new() { Clock = Clock, Configure = o => o.RetryDelay = TimeSpan.FromSeconds(10) };
        await Engine.InitializeAsync();
    }

    public ValueTask DisposeAsync() => Engine.DisposeAsync();
}
