using Microsoft.Extensions.Time.Testing;
using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class PollScheduleTests
{
    private static readonly EngineOptions Options = new()
    {
        PollFirst = TimeSpan.FromSeconds(1),
        PollSlowest = TimeSpan.FromSeconds(3),
        RetryDelay = TimeSpan.FromSeconds(1),
    };
    private readonly FakeTimeProvider _time = new(Given.At);
    private readonly PollSchedule _polls;

    public PollScheduleTests() => _polls = new(_time, Options);

    [Fact]
    public void New_IsDueAtOnce()
    {
        Assert.True(_polls.IsDue);
        Assert.False(_polls.IsSubmitted);
    }

    [Fact]
    public void Running_NothingChanges_PollsLaterAndLater()
    {
        _polls.Submitted();
        Assert.True(_polls.IsSubmitted);
        Assert.Equal([1, 1, 1.5, 2.25, 3, 3], Seconds(6, () => _polls.Running(changed: false)));
        Assert.Equal([3, 1], Seconds(2, () => _polls.Running(changed: true)));
    }

    [Fact]
    public void PollNow_IsDueAtOnce_ButNotBeforeTheExecutorWants()
    {
        _polls.Submitted();
        _polls.PollNow();
        Assert.True(_polls.IsDue);
        _polls.PollFailed(TimeSpan.FromSeconds(20), dice: 0);
        _polls.PollNow();
        Assert.Equal(TimeSpan.FromSeconds(20), _polls.Left);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.True(_polls.IsDue);
    }

    [Fact]
    public void SubmitFailed_WaitsLonger_UntilItSucceeds()
    {
        _polls.SubmitFailed(null, dice: 0.5);
        Assert.Equal((1, TimeSpan.FromSeconds(1)), (_polls.SubmitFailures, _polls.Left));
        _polls.SubmitFailed(null, dice: 0.5);
        Assert.Equal((2, TimeSpan.FromSeconds(2)), (_polls.SubmitFailures, _polls.Left));
        _time.Advance(TimeSpan.FromSeconds(2));
        _polls.Submitted();
        Assert.Equal((0, TimeSpan.FromSeconds(1)), (_polls.SubmitFailures, _polls.Left));
    }

    [Fact]
    public void WaitsForReport_TwoPolls_ResetWhenItRunsAgain()
    {
        Assert.True(_polls.WaitsForReport());
        Assert.Equal(Options.PollFirst, _polls.Left);
        Assert.True(_polls.WaitsForReport());
        Assert.False(_polls.WaitsForReport());
        _polls.Running(changed: false);
        Assert.True(_polls.WaitsForReport());
    }

    [Fact]
    public void CancelingAndExplaining_PollFourTimesAsOften()
    {
        Assert.Equal([0.25, 0.25], Seconds(2, _polls.Canceling, skip: 1));
        Assert.Equal([0.25, 0.25], Seconds(2, _polls.Explaining, skip: 1));
    }

    /// <summary>How long it is until each poll, in seconds.</summary>
    private List<double> Seconds(int count, Action poll, int skip = 0)
    {
        var waits = new List<double>();
        for (var i = 0; i < count + skip; i++)
        {
            if (i >= skip)
            {
                waits.Add(_polls.Left.TotalSeconds);
            }

            _time.Advance(_polls.Left > TimeSpan.Zero ? _polls.Left : TimeSpan.Zero);
            poll();
        }

        return waits;
    }
}
