using System.Collections.Immutable;
using Shipinator.Grains.Runs;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

public sealed class InitialJobsTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Of_ANewRun_AreAllPendingWithTheFirstLineOfTheirHistory()
    {
        var (run, jobs, history) = Create(ImmutableDictionary<string, JobId>.Empty);
        Assert.Equal(run.Jobs.Select(j => j.Id), jobs.Select(j => j.Id));
        Assert.Equal(run.Jobs.SelectMany(j => j.Steps), jobs.SelectMany(j => j.Steps).Select(s => s.Id));
        Assert.All(jobs, j => Assert.Equal((Status.Pending, 1, null), (j.Life.Status, j.Attempt, j.ReusedFrom)));
        Assert.All(jobs.SelectMany(j => j.Steps), s => Assert.Equal((Status.Pending, 1), (s.Life.Status, s.JobAttempt)));
        Assert.Equal(1 + 2 + 3, history.Length);
        Assert.All(history, t => Assert.Equal((null, Status.Pending, 1, "token:ada"), (t.From, t.To, t.Sequence, t.Actor)));
    }

    [Fact]
    public void Of_AReusedJob_IsSkippedWithItsStepsAndSaysWhy()
    {
        var earlier = JobId.New(TimeProvider.System);
        var (run, jobs, history) = Create(ImmutableDictionary<string, JobId>.Empty.Add("compile", earlier));
        var outcome = RunLogic.InitialOutcome(run.Jobs[0]);
        Assert.Equal((Status.Skipped, Reason.Condition), (outcome.Status, outcome.Reason));
        Assert.Contains("are reused", outcome.Detail, StringComparison.Ordinal);
        Assert.Equal(earlier, jobs[0].ReusedFrom);
        foreach (var life in jobs[0].Steps.Select(s => s.Life).Append(jobs[0].Life))
        {
            Assert.Equal((outcome.Status, outcome.Reason, outcome.Detail), (life.Status, life.Reason, life.Detail));
            Assert.Equal(Now, life.FinishedAt);
        }

        Assert.Equal((Status.Pending, null), (jobs[1].Life.Status, jobs[1].ReusedFrom));
        Assert.Equal([1, 2], history.Where(t => t.EntityId == jobs[0].Id.Value).Select(t => t.Sequence));
        Assert.Equal([1], history.Where(t => t.EntityId == jobs[1].Id.Value).Select(t => t.Sequence));
    }

    [Fact]
    public void Of_ARunStoredWithoutANote_StillSaysWhyAJobIsSkipped() =>
        Assert.NotNull(
            RunLogic
                .InitialOutcome(
                    new()
                    {
                        Id = JobId.New(TimeProvider.System),
                        Steps = [],
                        ReusedFrom = JobId.New(TimeProvider.System),
                    }
                )
                .Detail
        );

    [Fact]
    public void Of_ARunWithChangedFiles_GivesTheListToNoJob()
    {
        var (run, jobs, _) = Create(ImmutableDictionary<string, JobId>.Empty);
        Assert.NotNull(run.Plan.Trigger.ChangedFiles);
        Assert.All(jobs, j => Assert.Null(j.Spec.Trigger.ChangedFiles));
    }

    private static (RunRecord Run, ImmutableArray<JobRecord> Jobs, ImmutableArray<Transition> History) Create(
        ImmutableDictionary<string, JobId> reused
    )
    {
        var plan = Plans.Of(
            Plans.Job("compile", JobType.Build, Plans.Step("a"), Plans.Step("b")),
            Plans.Job("ship", JobType.Deploy, Plans.Step("c"))
        );
        var command = new CreateRun
        {
            PipelineId = PipelineId.New(TimeProvider.System),
            RepositoryId = RepositoryId.New(TimeProvider.System),
            ProjectId = ProjectId.New(TimeProvider.System),
            ProjectName = "shop",
            RepositoryName = "web",
            RunNumber = 1,
            Source = new()
            {
                CloneUrl = "https://example.org/web.git",
                Ref = "refs/heads/main",
                Commit = new string('a', 40),
            },
            Executor = "fake",
            Plan = plan with { Trigger = plan.Trigger with { ChangedFiles = ["a.cs"] } },
            Actor = "token:ada",
            Reused = reused,
        };
        var id = RunId.New(TimeProvider.System);
        var log = new TransitionLog(id, Now, command.Actor);
        var run = RunLogic.Create(id, command, log, TimeProvider.System);
        return (run, InitialJobs.Of(run, log), log.Transitions);
    }
}
