using CsCheck;
using Shipinator.Grains.Jobs;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

/// <summary>The rules of a job with random outcomes, without Orleans.</summary>
public sealed class JobLogicTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly Gen<ExecutionOutcome> Outcomes = Gen.OneOf(
        Gen.Const(new ExecutionOutcome(Status.Running, null, null, null)),
        Gen.Const(new ExecutionOutcome(Status.Success, null, null, 0)),
        Gen.Const(new ExecutionOutcome(Status.Failed, Reason.ExitCode, "exit 1", 1)),
        Gen.Const(new ExecutionOutcome(Status.Failed, Reason.Timeout, "late", null)),
        Gen.Const(new ExecutionOutcome(Status.Failed, Reason.Lost, "gone", null))
    );

    private static readonly Gen<StepPlan> Steps =
        from order in Gen.Int[0, 3]
        from allow in Gen.Bool
        from failure in Gen.Bool
        from skip in Gen.Int[0, 5]
        from retry in Gen.Int[0, 2]
        from infrastructure in Gen.Bool
        select Plans.Step("s") with
        {
            Order = order,
            AllowFailure = allow,
            When = new(Success: true, Failure: failure),
            SkipReason = skip == 0 ? "Left out." : null,
            Retry =
                retry == 0
                    ? null
                    : new()
                    {
                        Max = retry,
                        OnFailure = true,
                        OnInfrastructure = infrastructure,
                    },
        };

    [Fact]
    public void Advance_AnyOutcomes_ReachesAnEndAndBreaksNoRule() =>
        (
            from plans in Steps.Array[1, 5]
            from outcomes in Outcomes.Array[1, 60]
            from cancelAt in Gen.Int[0, 80]
            select (plans, outcomes, cancelAt)
        ).Sample(t => Walk(t.plans, t.outcomes, t.cancelAt), iter: 2000);

    private static void Walk(StepPlan[] plans, ExecutionOutcome[] script, int cancelAt)
    {
        var time = TimeProvider.System;
        var plan = Plans.Job("j", JobType.Build) with { Steps = [.. plans.OrderBy(p => p.Order)] };
        var job = Plans.Record(plan, Start);
        var history = job.Steps.ToDictionary(s => s.Id.Value, s => s.Life);
        history[job.Id.Value] = job.Life;
        var known = new Dictionary<ExecutionId, ExecutionOutcome>();
        var succeeded = new HashSet<Guid>();
        var now = Start;
        for (var turn = 0; !job.Life.IsTerminal; turn++)
        {
            Assert.True(turn < 500, "The job does not end.");
            now += TimeSpan.FromMinutes(6);
            var log = new TransitionLog(job.Spec.RunId, now, "system");
            var next = turn == cancelAt ? job with { Cancel = new(now, Reason.CanceledByUser, "Stop.", "token:ada") } : job;
            next = JobLogic.Advance(JobLogic.Start(next, log, time), known, log, time);

            // The transitions explain the difference, and no other state changes.
            foreach (var transition in log.Transitions)
            {
                history[transition.EntityId] = Lifecycle.Fold(history.GetValueOrDefault(transition.EntityId), transition);
            }

            Assert.Equal(next.Life, history[next.Id.Value]);
            Assert.All(next.Steps, s => Assert.Equal(s.Life, history[s.Id.Value]));
            Assert.All(job.Steps.Where(s => s.Life.IsTerminal), s => Assert.Contains(s.Life, next.Steps.Select(n => n.Life)));

            // The same again changes nothing.
            var again = new TransitionLog(next.Spec.RunId, now, "system");
            Assert.Same(next, JobLogic.Advance(next, known, again, time));
            Assert.Empty(again.Transitions);

            job = next;
            Assert.True(
                job.Steps.Where(s => s.Life.Status == Status.Running).Select(s => plan.Steps[s.Index].Order).Distinct().Count() <= 1
            );
            Assert.DoesNotContain(JobLogic.Active(job), a => succeeded.Contains(a.Step.Id.Value));
            foreach (var (step, execution) in JobLogic.Active(job).ToList())
            {
                var outcome =
                    JobLogic.IsStopping(job) ? new(Status.Canceled, Reason.CanceledByUser, "Stop.", null)
                    : script[(turn + step.Index) % script.Length] is { Status: Status.Running } && turn > 100
                        ? new(Status.Success, null, null, 0)
                    : script[(turn + step.Index) % script.Length];
                if (outcome.Status.IsTerminal())
                {
                    known[execution] = outcome;
                    if (outcome.Status == Status.Success)
                    {
                        succeeded.Add(step.Id.Value);
                    }
                }
            }
        }

        Assert.All(job.Steps, s => Assert.True(s.Life.IsTerminal));
        var end = new TransitionLog(job.Spec.RunId, now, "system");
        Assert.Same(job, JobLogic.Advance(job, known, end, time));
        Assert.Empty(end.Transitions);
    }

    [Fact]
    public void NeverStarted_CanceledBetweenTwoAttempts_NamesTheOneThatWasToCome_AndThoseOfLaterSteps()
    {
        var time = TimeProvider.System;
        var retried = Plans.Step("a") with
        {
            Retry = new()
            {
                Max = 1,
                OnFailure = true,
                Backoff = TimeSpan.FromHours(1),
            },
        };
        var job = Plans.Record(Plans.Job("j", JobType.Build, retried, Plans.Step("b")), Start);
        var log = new TransitionLog(job.Spec.RunId, Start, "system");
        var outcomes = new Dictionary<ExecutionId, ExecutionOutcome>();
        var begun = JobLogic.Advance(JobLogic.Start(job, log, time), outcomes, log, time);
        outcomes[begun.Steps[0].Executions[0]] = new(Status.Failed, Reason.ExitCode, "exit 1", 1);
        var between = JobLogic.Advance(begun, outcomes, log, time);
        Assert.Empty(JobLogic.NeverStarted(begun, between));
        var canceled = JobLogic.Advance(between with { Cancel = new(Start, Reason.CanceledByUser, "", "token:ada") }, outcomes, log, time);
        Assert.Equal([between.Steps[0].Executions[1], between.Steps[1].Executions[0]], JobLogic.NeverStarted(between, canceled));
    }
}
