using System.Collections.Immutable;

namespace Shipinator.Grains.Jobs;

/// <summary>The rules of a job and its steps, without I/O: a row and the outcomes of its executions in, a row out.</summary>
internal static class JobLogic
{
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(5);

    /// <summary>pending → running (or skipped, when a filter left it out), with the ids of the attempt's executions.</summary>
    public static JobRecord Start(JobRecord job, TransitionLog log, TimeProvider time)
    {
        if (job.Life.Status != Status.Pending || job.Cancel is not null)
        {
            return job;
        }

        if (job.Spec.Plan.SkipReason is { } why)
        {
            return Skip(job, log, Reason.Condition, why);
        }

        return job with
        {
            Life = log.Move(job.Life, job.Id.Value, Status.Running),
            Steps = [.. job.Steps.Select(s => s with { Executions = [ExecutionId.New(time)] })],
        };
    }

    /// <summary>pending → skipped, with all its steps.</summary>
    public static JobRecord Skip(JobRecord job, TransitionLog log, Reason reason, string detail) =>
        job.Life.Status != Status.Pending
            ? job
            : job with
            {
                Life = log.Move(job.Life, job.Id.Value, Status.Skipped, reason, detail),
                Steps = MovePending(job.Steps, log, Status.Skipped, reason, detail),
            };

    /// <summary>
    /// Moves the job as far as the known outcomes allow. The next actions follow from the row alone: see <see cref="Active"/>.
    /// </summary>
    public static JobRecord Advance(
        JobRecord job,
        IReadOnlyDictionary<ExecutionId, ExecutionOutcome> outcomes,
        TransitionLog log,
        TimeProvider time
    )
    {
        if (job.Life.Status == Status.Pending && job.Cancel is { } early)
        {
            return End(
                job with
                {
                    Steps = MovePending(job.Steps, log, Status.Canceled, early.Reason, early.Detail),
                },
                log,
                Status.Canceled,
                early.Reason,
                early.Detail
            );
        }

        while (job.Life.Status == Status.Running)
        {
            var next = Settle(job, outcomes, log, time);
            next = next.Steps.Any(IsRunning) ? StartDueRetries(next, log.Now) : Continue(next, log, time);
            if (ReferenceEquals(next, job))
            {
                return next;
            }

            job = next;
        }

        return job;
    }

    /// <summary>The executions to start or cancel now: the last one of each running step, once its backoff has passed.</summary>
    public static IEnumerable<(StepRecord Step, ExecutionId Execution)> Active(JobRecord job) =>
        job.Steps.Where(s => IsRunning(s) && s.Started == s.Executions.Length).Select(s => (s, s.Executions[^1]));

    /// <summary>What the runner of an execution does next when that execution has ended or was never started.</summary>
    public static StepProgress Place(JobRecord job, ExecutionId execution)
    {
        if (job.Steps.FirstOrDefault(s => s.Executions.Contains(execution)) is not { } step)
        {
            // Executions get their ids when the job starts; before that none can be requested.
            return StepProgress.Over;
        }

        if (job.Life.IsTerminal || step.Life.IsTerminal || step.JobAttempt < job.Attempt)
        {
            return StepProgress.Over;
        }

        var next = step.Executions.IndexOf(execution) + 1;
        return next < step.Executions.Length ? new(StepProgressKind.Next, step.Executions[next]) : StepProgress.NotYet;
    }

    /// <summary>
    /// The executions that have an id but will never start because their steps ended in this change: those of steps that never ran, and the
    /// next attempts of steps that ended between two attempts.
    /// </summary>
    public static IEnumerable<ExecutionId> NeverStarted(JobRecord before, JobRecord after) =>
        before
            .Steps.Zip(after.Steps)
            .Where(p => p.Second.Life.IsTerminal && !p.First.Life.IsTerminal)
            .SelectMany(p => p.Second.Executions.Skip(p.Second.Started));

    /// <summary>Whether the running executions are to be canceled.</summary>
    public static bool IsStopping(JobRecord job) => job.Cancel is not null || job.RestartBecause is not null;

    /// <summary>When the job must be driven next even without an event: at its timeout, or at the end of a backoff.</summary>
    public static DateTimeOffset? NextMoment(JobRecord job)
    {
        if (job.Life.Status != Status.Running)
        {
            return null;
        }

        var moments = job
            .Steps.Where(s => IsRunning(s) && s.Started < s.Executions.Length)
            .Select(s => s.NotBefore)
            .Append(job.NotBefore)
            .Append(job.Cancel is null ? Deadline(job) : null);
        return moments.Min();
    }

    /// <summary>When the job times out; null: it has not started.</summary>
    public static DateTimeOffset? Deadline(JobRecord job) => job.Life.StartedAt + job.Spec.Plan.Timeout;

    /// <summary>Steps whose execution ended: success, another attempt, or the end of the step.</summary>
    private static JobRecord Settle(
        JobRecord job,
        IReadOnlyDictionary<ExecutionId, ExecutionOutcome> outcomes,
        TransitionLog log,
        TimeProvider time
    )
    {
        for (var i = 0; i < job.Steps.Length; i++)
        {
            var step = job.Steps[i];
            if (!IsRunning(step))
            {
                continue;
            }

            if (step.Started < step.Executions.Length)
            {
                // Between two attempts nothing is running, so a cancel needs no confirmation.
                if (IsStopping(job))
                {
                    job = With(job, i, Stopped(job, step, log));
                }

                continue;
            }

            if (outcomes.TryGetValue(step.Executions[^1], out var outcome) && outcome.Status.IsTerminal())
            {
                job = Ended(job, i, outcome, log, time);
            }
        }

        return job;
    }

    private static JobRecord Ended(JobRecord job, int index, ExecutionOutcome outcome, TransitionLog log, TimeProvider time)
    {
        var step = job.Steps[index] with { ExitCode = outcome.ExitCode };
        var id = step.Id.Value;
        if (outcome.Status == Status.Success)
        {
            return With(job, index, step with { Life = log.Move(step.Life, id, Status.Success) });
        }

        if (IsStopping(job) && outcome.Status == Status.Canceled)
        {
            return With(job, index, Stopped(job, step, log));
        }

        var reason = outcome.Reason ?? Reason.ExecutorError;
        var plan = job.Spec.Plan.Steps[step.Index];
        if (!IsStopping(job) && plan.Retry is { } retry && RetriesInPlace(retry, reason, outcome.ExitCode, step.Executions.Length))
        {
            return With(
                job,
                index,
                step with
                {
                    Executions = step.Executions.Add(ExecutionId.New(time)),
                    NotBefore = log.Now + Doubling.Of(retry.Backoff, step.Executions.Length - 1, LongestBackoff),
                }
            );
        }

        var failed = With(job, index, step with { Life = log.Move(step.Life, id, Status.Failed, reason, outcome.Detail) });
        return !IsStopping(job) && reason.IsInfrastructure() && plan.Retry is { OnInfrastructure: true } again && job.Attempt <= again.Max
            ? failed with
            {
                RestartBecause = $"Step {plan.Name}: {outcome.Detail ?? reason.Word()}",
            }
            : failed;
    }

    /// <summary>Failures of the command itself are retried in the same workspace.</summary>
    private static bool RetriesInPlace(RetryPlan retry, Reason reason, int? exitCode, int tries) =>
        tries <= retry.Max
        && !reason.IsInfrastructure()
        && (reason == Reason.Timeout ? retry.OnTimeout : retry.OnFailure || (exitCode is { } code && retry.OnExitCodes.Contains(code)));

    /// <summary>Decides what follows when nothing is running: the job's end, the next attempt, or the next steps.</summary>
    private static JobRecord Continue(JobRecord job, TransitionLog log, TimeProvider time)
    {
        if (job.Cancel is { } cancel)
        {
            var to = cancel.Reason == Reason.Timeout ? Status.Failed : Status.Canceled;
            return End(
                job with
                {
                    Steps = MovePending(job.Steps, log, Status.Canceled, cancel.Reason, cancel.Detail),
                },
                log,
                to,
                cancel.Reason,
                cancel.Detail
            );
        }

        if (job.RestartBecause is { } why)
        {
            return NewAttempt(job, why, log, time);
        }

        if (job.NotBefore is { } wait && wait > log.Now)
        {
            return job;
        }

        var attempt = job.Steps.Where(s => s.JobAttempt == job.Attempt).ToList();
        var broken = attempt.FirstOrDefault(s =>
            s.Life.Status is Status.Failed or Status.Canceled && !job.Spec.Plan.Steps[s.Index].AllowFailure
        );
        var pending = attempt.Where(s => s.Life.Status == Status.Pending).ToList();
        if (pending.Count == 0)
        {
            return broken is null
                ? End(job, log, Status.Success, null, null)
                : End(
                    job,
                    log,
                    Status.Failed,
                    broken.Life.Reason,
                    $"Step {job.Spec.Plan.Steps[broken.Index].Name}: {broken.Life.Detail ?? broken.Life.Reason?.Word()}"
                );
        }

        var order = pending.Min(s => job.Spec.Plan.Steps[s.Index].Order);
        foreach (var step in pending.Where(s => job.Spec.Plan.Steps[s.Index].Order == order))
        {
            job = With(job, job.Steps.IndexOf(step), Begin(step, job.Spec.Plan.Steps[step.Index], broken is not null, log));
        }

        return job with
        {
            NotBefore = null,
        };
    }

    private static StepRecord Begin(StepRecord step, StepPlan plan, bool broken, TransitionLog log)
    {
        var id = step.Id.Value;
        if (plan.SkipReason is { } why)
        {
            return step with { Life = log.Move(step.Life, id, Status.Skipped, Reason.Condition, why) };
        }

        if (broken ? !plan.When.Failure : !plan.When.Success)
        {
            return step with
            {
                Life = broken
                    ? log.Move(step.Life, id, Status.Skipped, Reason.DependencyFailed, "An earlier step failed.")
                    : log.Move(step.Life, id, Status.Skipped, Reason.Condition, "The step runs only after a failure, and nothing failed."),
            };
        }

        return step with
        {
            Life = log.Move(step.Life, id, Status.Running),
            Started = 1,
        };
    }

    /// <summary>The rows of the previous attempt stay as they ended; the new one has its own steps, executions and workspace.</summary>
    private static JobRecord NewAttempt(JobRecord job, string why, TransitionLog log, TimeProvider time)
    {
        var retry = job
            .Spec.Plan.Steps.Select(s => s.Retry)
            .Where(r => r is { OnInfrastructure: true })
            .Select(r => r!.Backoff)
            .DefaultIfEmpty(TimeSpan.FromSeconds(1))
            .Min();
        var ended = MovePending(
            job.Steps,
            log,
            Status.Skipped,
            Reason.DependencyFailed,
            $"The job was restarted as attempt {job.Attempt + 1}. {why}"
        );
        var fresh = job.Spec.Plan.Steps.Select(
            (_, i) =>
            {
                var id = StepId.New(time);
                return new StepRecord
                {
                    Id = id,
                    JobAttempt = job.Attempt + 1,
                    Index = i,
                    Life = log.Begin(Machine.Step, id.Value),
                    Executions = [ExecutionId.New(time)],
                };
            }
        );
        return job with
        {
            Attempt = job.Attempt + 1,
            RestartBecause = null,
            NotBefore = log.Now + Doubling.Of(retry, job.Attempt - 1, LongestBackoff),
            Steps = [.. ended, .. fresh],
        };
    }

    private static JobRecord StartDueRetries(JobRecord job, DateTimeOffset now)
    {
        for (var i = 0; i < job.Steps.Length; i++)
        {
            var step = job.Steps[i];
            if (
                IsRunning(step)
                && step.Started < step.Executions.Length
                && !IsStopping(job)
                && (step.NotBefore is null || step.NotBefore <= now)
            )
            {
                job = With(job, i, step with { Started = step.Executions.Length, NotBefore = null });
            }
        }

        return job;
    }

    private static StepRecord Stopped(JobRecord job, StepRecord step, TransitionLog log) =>
        step with
        {
            Life = job.Cancel is { } cancel
                ? log.Move(
                    step.Life,
                    step.Id.Value,
                    cancel.Reason == Reason.Timeout ? Status.Failed : Status.Canceled,
                    cancel.Reason,
                    cancel.Detail
                )
                : log.Move(
                    step.Life,
                    step.Id.Value,
                    Status.Canceled,
                    Reason.DependencyFailed,
                    $"The job is restarting. {job.RestartBecause}"
                ),
        };

    private static JobRecord End(JobRecord job, TransitionLog log, Status to, Reason? reason, string? detail) =>
        job with
        {
            Life = log.Move(job.Life, job.Id.Value, to, reason, detail),
            NotBefore = null,
        };

    private static ImmutableArray<StepRecord> MovePending(
        ImmutableArray<StepRecord> steps,
        TransitionLog log,
        Status to,
        Reason reason,
        string detail
    ) => [.. steps.Select(s => s.Life.Status == Status.Pending ? s with { Life = log.Move(s.Life, s.Id.Value, to, reason, detail) } : s)];

    private static bool IsRunning(StepRecord step) => step.Life.Status == Status.Running;

    private static JobRecord With(JobRecord job, int index, StepRecord step) => job with { Steps = job.Steps.SetItem(index, step) };
}
