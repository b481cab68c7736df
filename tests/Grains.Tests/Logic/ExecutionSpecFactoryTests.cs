using Shipinator.Grains.Jobs;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

public sealed class ExecutionSpecFactoryTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly TransitionLog _log = new(RunId.New(TimeProvider.System), At, "system");
    private readonly JobRecord _started;

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
        _started = JobLogic.Advance(JobLogic.Start(Plans.Record(plan, At), _log, TimeProvider.System), Nothing, _log, TimeProvider.System);
    }

    private static Dictionary<ExecutionId, ExecutionOutcome> Nothing { get; } = [];

    [Fact]
    public void JoinsWorker_FirstSteps_CreateTheWorker() => Assert.All([0, 1], i => Assert.False(Spec(_started, i).JoinsWorker));

    [Fact]
    public void JoinsWorker_SiblingHasEnded_JoinsItsWorker()
    {
        var x = _started.Steps[0].Executions[0];
        var one = JobLogic.Advance(
            _started,
            new Dictionary<ExecutionId, ExecutionOutcome> { [x] = new(Status.Success, null, null, 0) },
            _log,
            TimeProvider.System
        );
        Assert.Equal((Status.Success, Status.Running), (one.Steps[0].Life.Status, one.Steps[1].Life.Status));
        Assert.True(Spec(one, 1).JoinsWorker);
        // A step does not join because of its own end.
        Assert.False(Spec(one, 0).JoinsWorker);
    }

    [Fact]
    public void JoinsWorker_LaterStepsAndRetries_JoinTheWorker()
    {
        Assert.True(Spec(_started, 2).JoinsWorker);
        var again = _started.Steps[0] with { Executions = _started.Steps[0].Executions.Add(ExecutionId.New(TimeProvider.System)) };
        Assert.True(ExecutionSpecFactory.Create(_started, again, again.Executions[1], new("http://ci.example")).JoinsWorker);
    }

    [Fact]
    public void Source_CarriesTheJobsCloneOptions()
    {
        var job = _started with { Spec = _started.Spec with { Plan = _started.Spec.Plan with { CloneOptions = new() { Depth = 7 } } } };
        Assert.Equal(7, Spec(job, 0).Worker.Source!.CloneOptions!.Depth);
        Assert.Null(Spec(_started, 0).Worker.Source!.CloneOptions);
    }

    [Fact]
    public void Origin_IsThatOfTheRun()
    {
        var trigger = _started.Spec.Trigger with { Event = "pr", Branch = "main", IsFork = true };
        var job = _started with { Spec = _started.Spec with { Trigger = trigger } };
        Assert.Equal(
            new RunOrigin
            {
                Event = "pr",
                Branch = "main",
                IsFork = true,
            },
            Spec(job, 0).Origin
        );
        Assert.False(Spec(_started, 0).Origin!.IsFork);
    }

    [Fact]
    public void Earlier_NamesTheLastAttemptsOfEarlierStepsInFileOrderAndWhichGiveVariables()
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
        var job = JobLogic.Advance(JobLogic.Start(Plans.Record(plan, At), _log, TimeProvider.System), Nothing, _log, TimeProvider.System);
        var first = job.Steps[0].Executions[0];
        Assert.Null(Spec(job, 0).Earlier);
        var known = new Dictionary<ExecutionId, ExecutionOutcome> { [first] = new(Status.Failed, Reason.ExitCode, "exit 1", 1) };
        job = JobLogic.Advance(job, known, _log, TimeProvider.System);
        var later = new TransitionLog(RunId.New(TimeProvider.System), At + TimeSpan.FromHours(1), "system");
        job = JobLogic.Advance(job, known, later, TimeProvider.System);
        var second = job.Steps[0].Executions[1];
        known[second] = new(Status.Success, null, null, 0);
        job = JobLogic.Advance(job, known, later, TimeProvider.System);
        Assert.Equal(Status.Running, job.Steps[2].Life.Status);

        // Steps of a group see the steps before the group, and not each other.
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
