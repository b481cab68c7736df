using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>What is sent when: changes only, few descriptions, always the end.</summary>
public sealed class StatusDecisionTests
{
    private static readonly DateTimeOffset Now = new(2031, 3, 15, 13, 0, 0, TimeSpan.Zero);

    private static CommitStatusRow Row(Status? status, params StatusJob[] jobs) =>
        new()
        {
            Key = new(RepositoryId.New(TimeProvider.System), new string('a', 40), "shipinator/push"),
            RunId = RunId.New(TimeProvider.System),
            Progress = StatusProgress.Open,
            RegisteredAt = Now,
            Version = 1,
            Run = status is { } s ? new(s, null, null, Now, null) { Jobs = jobs } : null,
        };

    private static CommitStatusRow Sent(CommitStatusRow row, CommitState state, string description, TimeSpan ago, int posts = 1) =>
        row with
        {
            SentState = state,
            SentDescription = description,
            SentAt = Now - ago,
            RunPosts = posts,
            Posts = posts,
        };

    [Fact]
    public void Run_ThatWasNotSent_IsSent()
    {
        var decision = StatusDecision.Of(Row(Status.Pending), Now);
        Assert.Equal((StatusAction.Send, CommitState.Pending, "Queued"), (decision.Action, decision.State, decision.Description));
        Assert.True(StatusDecision.Of(Row(Status.Success, new StatusJob("a", Status.Success, null, false, null)), Now).IsEnd);
    }

    [Fact]
    public void Run_AsItWasSent_IsNotSentAgain_AndItsEndSettles()
    {
        Assert.Equal(
            StatusAction.Wait,
            StatusDecision.Of(Sent(Row(Status.Pending), CommitState.Pending, "Queued", TimeSpan.FromHours(1)), Now).Action
        );
        Assert.Equal(
            StatusAction.Settle,
            StatusDecision.Of(Sent(Row(Status.Failed), CommitState.Failure, "x", TimeSpan.FromHours(1)), Now).Action
        );
    }

    [Fact]
    public void Description_ThatChanges_WaitsForTheInterval()
    {
        var row = Row(Status.Running, new StatusJob("a", Status.Running, null, false, null));
        var soon = StatusDecision.Of(Sent(row, CommitState.Pending, "Queued", TimeSpan.FromSeconds(5)), Now);
        Assert.Equal((StatusAction.Later, Now.AddSeconds(10)), (soon.Action, soon.At));
        var due = StatusDecision.Of(Sent(row, CommitState.Pending, "Queued", StatusDecision.ProgressInterval), Now);
        Assert.Equal((StatusAction.Send, "Running: a (0 of 1 job done)"), (due.Action, due.Description));
    }

    [Fact]
    public void End_IsSentAtOnce_HoweverMuchWasSent()
    {
        var row = Sent(Row(Status.Failed), CommitState.Pending, "Queued", TimeSpan.Zero, 999);
        Assert.Equal(StatusAction.Send, StatusDecision.Of(row, Now).Action);
    }

    [Fact]
    public void Descriptions_AreLimitedPerRunAndPerContext()
    {
        var row = Row(Status.Running);
        Assert.Equal(
            StatusAction.Wait,
            StatusDecision.Of(Sent(row, CommitState.Pending, "x", TimeSpan.FromHours(1), StatusDecision.MaxPending), Now).Action
        );
        var full = Sent(row, CommitState.Success, "x", TimeSpan.FromHours(1), 0) with { Posts = StatusDecision.PostsForProgress };
        Assert.Equal(StatusAction.Wait, StatusDecision.Of(full, Now).Action);
    }

    [Fact]
    public void Rerun_WithTheSameEnd_IsSentAgain_BecauseItsPageIsAnother()
    {
        var row = Sent(Row(Status.Failed), CommitState.Failure, "The run failed: see the run", TimeSpan.FromHours(1)) with { RunPosts = 0 };
        Assert.Equal(StatusAction.Send, StatusDecision.Of(row, Now).Action);
    }

    [Fact]
    public void Run_ThatIsNeverCreated_EndsAsAnError()
    {
        var row = Row(null);
        Assert.Equal(StatusAction.Later, StatusDecision.Of(row, Now).Action);
        var late = StatusDecision.Of(row, Now + StatusDecision.CreationLimit);
        Assert.Equal((StatusAction.Send, CommitState.Error), (late.Action, late.State));
    }
}
