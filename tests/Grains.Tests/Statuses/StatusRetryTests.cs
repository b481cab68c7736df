using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>What follows a failed post.</summary>
public sealed class StatusRetryTests
{
    private static readonly DateTimeOffset Now = new(2031, 3, 15, 13, 0, 0, TimeSpan.Zero);

    private static CommitStatusRow Row(int attempts = 0, TimeSpan failing = default) =>
        new()
        {
            Key = new(RepositoryId.New(TimeProvider.System), new string('a', 40), "shipinator/push"),
            Progress = StatusProgress.Open,
            FixedState = CommitState.Success,
            FixedDescription = "x",
            RegisteredAt = Now,
            Version = 1,
            Attempts = attempts,
            FailingSince = failing == default ? null : Now - failing,
        };

    private static ForgeRequestException Error(string code, bool isTransient, int? status = null, TimeSpan? after = null) =>
        new(code, "x", isTransient, status, after);

    [Fact]
    public void Delays_GrowToTheLimit_WithJitter()
    {
        var away = Error(ForgeRequestException.Unavailable, isTransient: true);
        var delays = Enumerable.Range(0, 12).Select(n => StatusRetry.Of(Row(n), away, 0, Now, 0.5).Delay!.Value.TotalSeconds);
        Assert.Equal([5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900], delays);
        // A status that was registered during the outage continues its delays.
        Assert.Equal(640, StatusRetry.Of(Row(), away, 7, Now, 0.5).Delay!.Value.TotalSeconds);
        Assert.Equal(
            5,
            StatusRetry.Of(Row(), Error(ForgeRequestException.Unavailable, isTransient: true, 500), 7, Now, 0.5).Delay!.Value.TotalSeconds
        );
        Assert.Equal(4, StatusRetry.Of(Row(), away, 0, Now, 0).Delay!.Value.TotalSeconds);
        Assert.Equal(6, StatusRetry.Of(Row(), away, 0, Now, 1).Delay!.Value.TotalSeconds);
    }

    [Theory]
    [InlineData(120, 120)]
    [InlineData(1, 4)]
    [InlineData(1_000_000, 86_400)]
    public void RetryAfter_IsTheLeastDelay_ButNotWithoutLimit(int asked, int expected)
    {
        var limited = Error(ForgeRequestException.RateLimited, isTransient: true, 429, TimeSpan.FromSeconds(asked));
        var retry = StatusRetry.Of(Row(), limited, 0, Now, 0);
        Assert.Equal(expected, retry.Delay!.Value.TotalSeconds);
        Assert.True(retry.EndsRound);
        Assert.Equal(StatusProgress.Open, retry.Progress);
    }

    [Fact]
    public void Error500_DelaysItsStatusOnly_AndNoResponseAll()
    {
        Assert.False(StatusRetry.Of(Row(), Error(ForgeRequestException.Unavailable, isTransient: true, 500), 0, Now, 0).EndsRound);
        Assert.True(StatusRetry.Of(Row(), Error(ForgeRequestException.Unavailable, isTransient: true), 0, Now, 0).EndsRound);
        Assert.True(StatusRetry.Of(Row(), Error(ForgeRequestException.Unavailable, isTransient: true, 503), 0, Now, 0).EndsRound);
    }

    [Fact]
    public void TransientError_ForDays_Blocks()
    {
        var error = Error(ForgeRequestException.Unavailable, isTransient: true, 500);
        Assert.Equal(StatusProgress.Open, StatusRetry.Of(Row(300, TimeSpan.FromDays(2.9)), error, 0, Now, 0).Progress);
        var retry = StatusRetry.Of(Row(300, StatusRetry.GiveUpAfter), error, 0, Now, 0);
        Assert.Equal((StatusProgress.Blocked, null), (retry.Progress, retry.Delay));
    }

    [Fact]
    public void FinalErrors_Block_AndThoseOfTheCredentialBlockAll()
    {
        var refused = StatusRetry.Of(Row(), Error(ForgeRequestException.Refused, isTransient: false, 422), 0, Now, 0);
        Assert.Equal((StatusProgress.Blocked, null, false), (refused.Progress, refused.Delay, refused.BlocksAll));
        foreach (var code in new[] { ForgeRequestException.Unauthorized, ForgeRequestException.Forbidden })
        {
            var retry = StatusRetry.Of(Row(), Error(code, isTransient: false), 0, Now, 0);
            Assert.True(retry is { BlocksAll: true, EndsRound: true, Progress: StatusProgress.Blocked });
            Assert.Equal(StatusRetry.ProbeInterval, retry.Delay);
        }
    }
}
