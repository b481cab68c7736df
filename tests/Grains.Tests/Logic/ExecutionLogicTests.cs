using CsCheck;
using Shipinator.Grains.Executions;
using Shipinator.Grains.Jobs;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

public sealed class ExecutionLogicTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static ExecutionRecord Submitted()
    {
        var edit = new Edit(RunId.New(TimeProvider.System), At, "system");
        var job = JobLogic.Start(
            Plans.Record(Plans.Job("j", JobType.Build, Plans.Step("a"), Plans.Step("b")), At),
            edit,
            TimeProvider.System
        );
        var spec = ExecutionSpecFactory.Create(job, job.Steps[1], job.Steps[1].Executions[0], new("http://ci.example"));
        return ExecutionLogic.Submit(ExecutionLogic.Create(new(spec, "fake", IsDeploy: false), edit), edit);
    }

    [Fact]
    public void ExternalId_FromIds_IsStableAndShort()
    {
        var row = Submitted();
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
    public void Report_AnySequence_TheFirstStandsForEver() =>
        Gen.OneOf(Gen.Const(Status.Success), Gen.Const(Status.Failed), Gen.Const(Status.Canceled))
            .Array[1, 8]
            .Sample(reports =>
            {
                var row = Submitted();
                ExecutionRecord? first = null;
                foreach (var status in reports)
                {
                    var edit = new Edit(row.Spec.Worker.RunId, At, "runner");
                    try
                    {
                        if (ExecutionLogic.Report(row, new() { Status = status }, edit) is { } next)
                        {
                            Assert.Null(first);
                            Assert.Single(edit.Transitions);
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
    public void Report_AfterAStopWasAskedFor_IsNotTheEnd()
    {
        var row = Submitted() with { Cancel = new(At, Reason.CanceledByUser, "Stop.", "token:ada") };
        Assert.Null(ExecutionLogic.Report(row, new() { Status = Status.Success }, new(row.Spec.Worker.RunId, At, "runner")));
    }

    [Theory]
    [InlineData(Reason.CanceledByUser, Status.Canceled)]
    [InlineData(Reason.Superseded, Status.Canceled)]
    [InlineData(Reason.Timeout, Status.Failed)]
    [InlineData(Reason.ExecutorError, Status.Failed)]
    public void Stopped_ByReason_EndsAsItSays(Reason reason, Status expected)
    {
        var row = Submitted();
        Assert.Equal(
            expected,
            ExecutionLogic.Stopped(row, new(At, reason, "", "system"), new(row.Spec.Worker.RunId, At, "system")).Life.Status
        );
    }

    [Theory]
    [InlineData(Status.Pending)]
    [InlineData(Status.Running)]
    [InlineData(Status.Skipped)]
    public void Report_NoEnd_IsRefused(Status status)
    {
        var row = Submitted();
        Assert.Throws<InvalidInputException>(() =>
            ExecutionLogic.Report(row, new() { Status = status }, new(row.Spec.Worker.RunId, At, "runner"))
        );
    }
}
