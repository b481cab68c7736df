using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class StopExplanationTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);
    private static readonly ExecutionReport Report = new() { Status = Status.Canceled, Detail = "It was told to stop." };
    private readonly StopExplanation _explanation = new(new(Report, Given.At), Timeout);

    [Fact]
    public void Resolve_ExecutorHasAReason_ReturnsIt()
    {
        var evicted = new ExecutionStatus
        {
            Status = Status.Submitted,
            Reason = Reason.Evicted,
            Detail = "Drained.",
        };
        var report = _explanation.Resolve(evicted, Given.At);
        Assert.Equal((Status.Failed, Reason.Evicted, "Drained."), (report!.Status, report.Reason!.Value, report.Detail));
        Assert.Equal(Report.Detail, _explanation.Resolve(evicted with { Detail = null }, Given.At)!.Detail);
    }

    [Fact]
    public void Resolve_ExecutorSeesOnlyTheEnd_TellsTheReport()
    {
        var ended = new ExecutionStatus { Status = Status.Failed, Reason = Reason.ExitCode };
        Assert.Same(Report, _explanation.Resolve(ended, Given.At));
        Assert.Same(Report, _explanation.Resolve(ended with { Reason = null }, Given.At));
    }

    [Fact]
    public void Resolve_NothingIsKnown_WaitsUntilTheTimeIsOver()
    {
        var running = new ExecutionStatus { Status = Status.Running };
        foreach (var status in new[] { running, null })
        {
            Assert.Null(_explanation.Resolve(status, Given.At + Timeout - TimeSpan.FromTicks(1)));
            Assert.Same(Report, _explanation.Resolve(status, Given.At + Timeout));
        }
    }
}
