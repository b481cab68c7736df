using CsCheck;
using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class ExecutionLogicTests
{
    private static DateTimeOffset At => Given.At;

    [Fact]
    public void ExternalId_FromIds_IsStableAndShort()
    {
        var row = Given.Submitted();
        Assert.Equal($"ship-{row.Spec.Worker.JobId.Value:N}-1-s1-1", row.ExternalId);
        Assert.True(row.ExternalId.Length <= 63);
    }

    [Theory]
    [InlineData(1, null, 0, 0.75)]
    [InlineData(1, null, 1, 1.25)]
    [InlineData(4, null, 0.5, 8)]
    [InlineData(40, null, 0.5, 30)]
    [InlineData(1, 20, 0, 20)]
    [InlineData(1, 20, 1, 30)]
    [InlineData(40, 2, 0.5, 30)]
    [InlineData(1, 100_000, 0, 600)]
    public void Backoff_GrowsIsSpreadAndIsNeverShorterThanWhatTheExecutorWants(int failures, int? asked, double dice, double seconds) =>
        Assert.Equal(
            seconds,
            ExecutionLogic
                .Backoff(
                    failures,
                    TimeSpan.FromSeconds(1),
                    asked is { } wish ? TimeSpan.FromSeconds(wish) : null,
                    TimeSpan.FromMinutes(10),
                    dice
                )
                .TotalSeconds,
            6
        );

    [Fact]
    public void Report_AnySequence_TheFirstOneCounts() =>
        Gen.OneOf(Gen.Const(Status.Success), Gen.Const(Status.Failed), Gen.Const(Status.Canceled))
            .Array[1, 8]
            .Sample(reports =>
            {
                var row = Given.Submitted();
                ExecutionRecord? first = null;
                foreach (var status in reports)
                {
                    var log = new TransitionLog(row.Spec.Worker.RunId, At, "runner");
                    try
                    {
                        if (ExecutionLogic.Report(row, new() { Status = status }, log) is { } next)
                        {
                            Assert.Null(first);
                            Assert.Single(log.Transitions);
                            row = first = next;
                        }
                    }
                    catch (AlreadyEndedException e)
                    {
                        Assert.Equal(first!.Life.Status, e.Status);
                        Assert.NotEqual(status, e.Status);
                    }
                }

                Assert.Equal(first!.Life, row.Life);
                Assert.Equal(reports[0] == Status.Success, row.Life.Status == Status.Success);
            });

    [Fact]
    public void Report_AfterACancelRequest_IsNotTheEnd()
    {
        var row = Given.Submitted() with { Cancel = new(At, Reason.CanceledByUser, "Stop.", "token:ada") };
        Assert.Null(ExecutionLogic.Report(row, new() { Status = Status.Success }, new(row.Spec.Worker.RunId, At, "runner")));
    }

    [Theory]
    [InlineData(Reason.CanceledByUser, Status.Canceled)]
    [InlineData(Reason.Superseded, Status.Canceled)]
    [InlineData(Reason.Timeout, Status.Failed)]
    [InlineData(Reason.ExecutorError, Status.Failed)]
    public void Stopped_ByReason_EndsCanceledOrFailed(Reason reason, Status expected)
    {
        var row = Given.Submitted();
        Assert.Equal(
            expected,
            ExecutionLogic.Stopped(row, new(At, reason, "", "system"), new(row.Spec.Worker.RunId, At, "system")).Life.Status
        );
    }

    [Theory]
    [InlineData(Status.Pending)]
    [InlineData(Status.Running)]
    [InlineData(Status.Skipped)]
    public void Report_StatusThatIsNotTerminal_IsRefused(Status status)
    {
        var row = Given.Submitted();
        Assert.Throws<InvalidInputException>(() =>
            ExecutionLogic.Report(row, new() { Status = status }, new(row.Spec.Worker.RunId, At, "runner"))
        );
    }

    [Fact]
    public void ExceededLimit_IsTheTimeoutOfWhatRuns_OrTheClaimOfWhatWasSubmitted()
    {
        var options = new EngineOptions();
        var running = Given.Running("r");
        var late = running.Spec.Timeout + options.TimeoutMargin;
        Assert.Null(ExecutionLogic.ExceededLimit(running, At + late, options, true, null));
        Assert.Equal(Reason.Timeout, ExecutionLogic.ExceededLimit(running, At + late + TimeSpan.FromTicks(1), options, true, null)!.Reason);
        var submitted = Given.Submitted();
        var unclaimed = At + options.ClaimTimeout + TimeSpan.FromTicks(1);
        Assert.Null(ExecutionLogic.ExceededLimit(submitted, unclaimed, options, isSubmitted: false, null));
        Assert.Equal(
            "No runner claimed the step within 15 min. Waiting for image alpine",
            ExecutionLogic.ExceededLimit(submitted, unclaimed, options, isSubmitted: true, WaitReason.Image("alpine"))!.Detail
        );
        var canceled = running with { Cancel = new(At, Reason.CanceledByUser, "", "token:ada") };
        Assert.Null(ExecutionLogic.ExceededLimit(canceled, At + TimeSpan.FromDays(9), options, true, null));
    }

    [Fact]
    public void Heartbeat_SaysWhetherToStop_AndWhetherNothingCanBeAdded()
    {
        var running = Given.Running("r");
        var canceled = running with { Cancel = new(At, Reason.CanceledByUser, "", "token:ada") };
        Assert.Equal((true, true), Of(null, "r"));
        Assert.Equal((false, true), Of(Given.Submitted(), "r"));
        Assert.Equal((false, false), Of(running, "r"));
        Assert.Equal((false, false), Of(running, ""));
        Assert.Equal((true, false), Of(running, "other"));
        Assert.Equal((true, false), Of(canceled, "r"));

        static (bool, bool) Of(ExecutionRecord? row, string runner) =>
            ExecutionLogic.Heartbeat(row, runner, TimeSpan.Zero) is var h ? (h.Cancel, h.IsIdle) : default;
    }
}
