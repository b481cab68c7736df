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
            "j",
            JobType.Build,
            Plans.Step("x") with
            {
                ParallelGroup = "g",
                Order = 0,
            },
            Plans.Step("y") with
            {
                ParallelGroup = "g",
                Order = 0,
            },
            Plans.Step("z", 1) with
            {
                ParallelGroup = "h",
            }
        );
        _begun = JobLogic.Advance(JobLogic.Start(Plans.Record(plan, At), _edit, TimeProvider.System), Nothing, _edit, TimeProvider.System);
    }

    private static Dictionary<ExecutionId, ExecutionOutcome> Nothing { get; } = [];

    [Fact]
    public void JoinsWorker_FirstSteps_MakeIt() => Assert.All([0, 1], i => Assert.False(Spec(_begun, i).JoinsWorker));

    [Fact]
    public void JoinsWorker_ASiblingHasEnded_TheWorkerWasThere()
    {
        var x = _begun.Steps[0].Executions[0];
        var one = JobLogic.Advance(
            _begun,
            new Dictionary<ExecutionId, ExecutionOutcome> { [x] = new(Status.Success, null, null, 0) },
            _edit,
            TimeProvider.System
        );
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

    [Fact]
    public void Earlier_NamesTheLastTriesOfStepsBeforeInTheFilesOrderAndWhoMayGiveVariables()
    {
        var plan = Plans.Job(
            "j",
            JobType.Build,
            Plans.Step("a") with
            {
                Secrets = ["ONE"],
                Retry = new()
                {
                    Max = 1,
                    OnFailure = true,
                    Backoff = TimeSpan.FromTicks(1),
                },
            },
            Plans.Step("never", 1) with
            {
                When = new(Success: false, Failure: true),
            },
            Plans.Step("x", 2) with
            {
                ParallelGroup = "g",
                Secrets = ["ONE", "TWO"],
                Order = 2,
            },
            Plans.Step("y", 2) with
            {
                ParallelGroup = "g",
                Order = 2,
            },
            Plans.Step("z", 4) with
            {
                Secrets = ["ONE"],
            }
        );
        var job = JobLogic.Advance(JobLogic.Start(Plans.Record(plan, At), _edit, TimeProvider.System), Nothing, _edit, TimeProvider.System);
        var first = job.Steps[0].Executions[0];
        Assert.Null(Spec(job, 0).Earlier);
        var known = new Dictionary<ExecutionId, ExecutionOutcome> { [first] = new(Status.Failed, Reason.ExitCode, "exit 1", 1) };
        job = JobLogic.Advance(job, known, _edit, TimeProvider.System);
        var later = new Edit(RunId.New(TimeProvider.System), At + TimeSpan.FromHours(1), "system");
        job = JobLogic.Advance(job, known, later, TimeProvider.System);
        var second = job.Steps[0].Executions[1];
        known[second] = new(Status.Success, null, null, 0);
        job = JobLogic.Advance(job, known, later, TimeProvider.System);
        Assert.Equal(Status.Running, job.Steps[2].Life.Status);

        // Those of a group see what was before it, and not each other.
        Assert.Equal([new("a", second, false)], Spec(job, 2).Earlier!.Value);
        Assert.Equal([new("a", second, true)], Spec(job, 3).Earlier!.Value);
        known[job.Steps[2].Executions[0]] = known[job.Steps[3].Executions[0]] = new(Status.Success, null, null, 0);
        job = JobLogic.Advance(job, known, later, TimeProvider.System);
        Assert.Equal(
            [new("a", second, true), new("x", job.Steps[2].Executions[0], true), new("y", job.Steps[3].Executions[0], false)],
            Spec(job, 4).Earlier!.Value
        );
    }

    private static ExecutionSpec Spec(JobRecord job, int step) =>
        ExecutionSpecFactory.Create(job, job.Steps[step], job.Steps[step].Executions[0], new("http://ci.example"));
}
