using Microsoft.Extensions.Time.Testing;
using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class RunnerSilenceTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly FakeTimeProvider _time = new(Given.At);
    private readonly RunnerSilence _silence;

    public RunnerSilenceTests() => _silence = new(_time, Limit);

    [Fact]
    public void Shown_After30Seconds_UntilTheNextHeartbeat()
    {
        _time.Advance(Second);
        _silence.Heard();
        _time.Advance(TimeSpan.FromSeconds(30) - TimeSpan.FromTicks(1));
        Assert.Null(_silence.Shown);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(WaitReason.RunnerSilent(Given.At + Second), _silence.Shown);
        _silence.Heard();
        Assert.Null(_silence.Shown);
    }

    [Fact]
    public void Left_WatchedAllTheTime_EndsExactlyAtTheLimit()
    {
        Assert.Equal(Limit - TimeSpan.FromSeconds(15), _silence.Left());
        _time.Advance(_silence.Left());
        Assert.Equal(TimeSpan.FromSeconds(15), _silence.Left());
        _time.Advance(TimeSpan.FromSeconds(15) - TimeSpan.FromTicks(1));
        Assert.True(_silence.Left() > TimeSpan.Zero);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(TimeSpan.Zero, _silence.Left());
    }

    [Fact]
    public void Left_AfterAFreeze_LeavesTimeToReadWhatWasSent()
    {
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.FromSeconds(15), _silence.Left());
        _time.Advance(TimeSpan.FromSeconds(14));
        Assert.Equal(Second, _silence.Left());
        _silence.Heard();
        Assert.Equal(Limit - TimeSpan.FromSeconds(15), _silence.Left());
        // The earlier sighting does not count any more.
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.FromSeconds(15), _silence.Left());
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(TimeSpan.Zero, _silence.Left());
    }

    [Fact]
    public void Left_ShortLimit_IsProvenByHalfOfIt()
    {
        var silence = new RunnerSilence(_time, TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromSeconds(5), silence.Left());
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(TimeSpan.FromSeconds(5), silence.Left());
    }

    [Fact]
    public void IsExpected_OnlyWhileItRunsAndNothingStopsIt()
    {
        var running = Given.Running("r");
        Assert.True(RunnerSilence.IsExpected(running));
        Assert.False(RunnerSilence.IsExpected(null));
        Assert.False(RunnerSilence.IsExpected(Given.Submitted()));
        Assert.False(RunnerSilence.IsExpected(running with { Cancel = new(Given.At, Reason.Timeout, "", "system") }));
        Assert.False(RunnerSilence.IsExpected(running with { Stopped = new(new() { Status = Status.Canceled }, Given.At) }));
    }
}
