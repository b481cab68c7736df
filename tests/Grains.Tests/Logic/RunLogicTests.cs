using CsCheck;
using Shipinator.Grains.Runs;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

/// <summary>The rules of a run with random outcomes, without Orleans.</summary>
public sealed class RunLogicTests
{
    private static readonly StepCondition?[] Conditions =
    [
        null,
        null,
        null,
        new(Success: true, Failure: true),
        new(Success: false, Failure: true),
    ];

    private static readonly Gen<(JobType Type, int Condition, Status End, int Delay)> Jobs =
        from type in Gen.Int[0, 2]
        from condition in Gen.Int[0, Conditions.Length - 1]
        from end in Gen.OneOf(
            Gen.Const(Status.Success),
            Gen.Const(Status.Success),
            Gen.Const(Status.Failed),
            Gen.Const(Status.Canceled),
            Gen.Const(Status.Skipped)
        )
        from delay in Gen.Int[1, 4]
        select ((JobType)type, condition, end, delay);

    [Fact]
    public void Next_AnyOutcomes_ReachesAnEndAndBreaksNoRule() => Jobs.Array[1, 8].Sample(Walk, iter: 20_000);

    [Fact]
    public void Next_AlwaysJob_StartsAfterTheOthersOfItsStageAndLaterStagesAreSkipped()
    {
        var run = Run([
            (JobType.Test, null),
            (JobType.Test, new(true, true)),
            (JobType.Test, new(false, true)),
            (JobType.Deploy, null),
            (JobType.Deploy, new(true, true)),
        ]);
        var known = run.Jobs.ToDictionary(j => j.Id, _ => new JobOutcome(Status.Pending, null, null));
        Assert.Equal([run.Jobs[0]], RunLogic.Next(run, known).Start);
        known[run.Jobs[0].Id] = new(Status.Failed, Reason.ExitCode, "exit 1");
        Assert.Equal([run.Jobs[1], run.Jobs[2]], RunLogic.Next(run, known).Start);
        known[run.Jobs[1].Id] = new(Status.Success, null, null);
        known[run.Jobs[2].Id] = new(Status.Success, null, null);
        Assert.Equal([run.Jobs[3]], RunLogic.Next(run, known).Skip);
        Assert.Equal(Reason.DependencyFailed, RunLogic.Next(run, known).SkipReason);
        known[run.Jobs[3].Id] = new(Status.Skipped, Reason.DependencyFailed, "");
        Assert.Equal([run.Jobs[4]], RunLogic.Next(run, known).Start);
        known[run.Jobs[4].Id] = new(Status.Success, null, null);

        // A job that ran after the failure does not change the result.
        Assert.Equal(Status.Failed, RunLogic.Next(run, known).End!.Status);
    }

    [Fact]
    public void Next_NothingFailed_JobsForFailuresAreSkippedAndTheRunIsASuccess()
    {
        var run = Run([(JobType.Build, null), (JobType.Build, new(false, true)), (JobType.Test, null)]);
        var known = run.Jobs.ToDictionary(j => j.Id, _ => new JobOutcome(Status.Pending, null, null));
        known[run.Jobs[0].Id] = new(Status.Success, null, null);
        var wish = RunLogic.Next(run, known);
        Assert.Equal([run.Jobs[1]], wish.Skip);
        Assert.Equal(Reason.Condition, wish.SkipReason);
        Assert.Contains("nothing failed", wish.SkipDetail, StringComparison.Ordinal);
        known[run.Jobs[1].Id] = new(Status.Skipped, Reason.Condition, "");
        Assert.Equal([run.Jobs[2]], RunLogic.Next(run, known).Start);
        known[run.Jobs[2].Id] = new(Status.Success, null, null);
        Assert.Equal(Status.Success, RunLogic.Next(run, known).End!.Status);
    }

    [Fact]
    public void Plan_StoredByAnOlderVersion_HasNoSuchJobs()
    {
        var json = PlanJson.Serialize(Plans.Of(Plans.Job("a", JobType.Build, Plans.Step("s"))));
        Assert.DoesNotContain("env_expressions", json, StringComparison.Ordinal);
        Assert.False(RunLogic.IsClosing(PlanJson.Deserialize<RunPlan>(json).Jobs[0]));
        Assert.Null(PlanJson.Deserialize<RunPlan>(json).Jobs[0].When);
    }

    private static void Walk((JobType Type, int Condition, Status End, int Delay)[] script)
    {
        script = [.. script.OrderBy(j => j.Type)];
        var run = Run([.. script.Select(j => (j.Type, Conditions[j.Condition]))]);
        var index = run.Jobs.Select((j, i) => (j.Id, i)).ToDictionary(p => p.Id, p => p.i);
        var known = run.Jobs.ToDictionary(j => j.Id, _ => new JobOutcome(Status.Pending, null, null));
        var left = new Dictionary<JobId, int>();
        bool Closes(int i) => Conditions[script[i].Condition] is not null;
        bool Broken(Func<int, bool> which) =>
            run.Jobs.Any(j => which(index[j.Id]) && known[j.Id].Status is (Status.Failed or Status.Canceled));
        for (var turn = 0; ; turn++)
        {
            Assert.True(turn < 200, "The run does not end.");
            var wish = RunLogic.Next(run, known);
            if (wish.End is { } end)
            {
                Assert.All(known.Values, o => Assert.True(o.Status.IsTerminal()));
                Assert.Equal(Broken(_ => true), end.Status == Status.Failed);
                return;
            }

            foreach (var job in wish.Start.Concat(wish.Skip))
            {
                var i = index[job.Id];
                bool Before(int k) => script[k].Type < script[i].Type || (script[k].Type == script[i].Type && Closes(i) && !Closes(k));
                Assert.Equal(Status.Pending, known[job.Id].Status);
                Assert.All(run.Jobs.Where(j => Before(index[j.Id])), j => Assert.True(known[j.Id].Status.IsTerminal()));
                var condition = Conditions[script[i].Condition] ?? StepCondition.OnSuccess;
                Assert.Equal(wish.Start.Contains(job), Broken(Before) ? condition.Failure : condition.Success);
            }

            foreach (var job in wish.Skip)
            {
                known[job.Id] = new(Status.Skipped, wish.SkipReason, wish.SkipDetail);
            }

            foreach (var job in wish.Start)
            {
                known[job.Id] = new(Status.Running, null, null);
                left[job.Id] = script[index[job.Id]].Delay;
            }

            foreach (var job in left.Keys.ToList().Where(j => --left[j] == 0))
            {
                known[job] = new(script[index[job]].End, Reason.ExitCode, "end");
                left.Remove(job);
            }
        }
    }

    private static RunRecord Run((JobType Type, StepCondition? When)[] jobs)
    {
        var plan = Plans.Of([.. jobs.Select((j, i) => Plans.Job($"job-{i}", j.Type, Plans.Step("s")) with { When = j.When })]);
        return new()
        {
            Id = RunId.New(TimeProvider.System),
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
            Plan = plan,
            Jobs =
            [
                .. plan.Jobs.Select(_ => new RunJob { Id = JobId.New(TimeProvider.System), Steps = [StepId.New(TimeProvider.System)] }),
            ],
            Actor = "system",
            Life = Lifecycle.Begin(Machine.Run, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)),
        };
    }
}
