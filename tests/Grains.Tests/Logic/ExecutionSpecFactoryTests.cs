using Shipinator.Grains.Jobs;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

public sealed class ExecutionSpecFactoryTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly Edit _edit = new(RunId.New(TimeProvider.System), At, "system");
    private readonly JobRecord _begun;

    public ExecutionSpecFactoryTests()
    {
        var plan = Plans.Job(
            "j", JobType.Build,
            Plans.Step("x") with { ParallelGroup = "g", Order = 0 }, Plans.Step("y") with { ParallelGroup = "g", Order = 0 }, Plans.Step("z", 1) with { ParallelGroup = "h" });
        _begun = JobLogic.Advance(JobLogic.Start(Plans.Record(plan, At), _edit, TimeProvider.System), Nothing, _edit, TimeProvider.System);
    }

    private static Dictionary<ExecutionId, ExecutionOutcome> Nothing { get; } = [];

    [Fact]
    public void JoinsWorker_FirstSteps_MakeIt() => Assert.All([0, 1], i => Assert.False(Spec(_begun, i).JoinsWorker));

    [Fact]
    public void JoinsWorker_ASiblingHasEnded_TheWorkerWasThere()
    {
        var x = _begun.Steps[0].Executions[0];
        var one = JobLogic.Advance(_begun, new Dictionary<ExecutionId, ExecutionOutcome> { [x] = new(Status.Success, null, null, 0) }, _edit, TimeProvider.System);
        Assert.Equal((Status.Success, Status.Running), (one.Steps[0].Life.Status, one.Steps[1].Life.Status));
        Assert.True(Spec(one, 1).JoinsWorker);
        // Its own end says nothing of itself.
        Assert.False(Spec(one, 0).JoinsWorker);
    }

    [Fact]
    public void JoinsWorker_LaterStepsAndLaterTries_NeedWhatWasThere()
    {
        Assert.True(Spec(_begun, 2).JoinsWorker);
        var again = _begun.Steps[0] with { Executions = _begun.Steps[0].Executions.Add(ExecutionId.New(TimeProvider.System)) };
        Assert.True(ExecutionSpecFactory.Create(_begun, again, again.Executions[1], new("http://ci.example")).JoinsWorker);
    }

    [Fact]
    public void Source_CarriesTheJobsCloneOptions()
    {
        var job = _begun with { Spec = _begun.Spec with { Plan = _begun.Spec.Plan with { CloneOptions = new() { Depth = 7 } } } };
        Assert.Equal(7, Spec(job, 0).Worker.Source!.CloneOptions!.Depth);
        Assert.Null(Spec(_begun, 0).Worker.Source!.CloneOptions);
    }

    private static ExecutionSpec Spec(JobRecord job, int step) =>
        ExecutionSpecFactory.Create(job, job.Steps[step], job.Steps[step].Executions[0], new("http://ci.example"));
}
