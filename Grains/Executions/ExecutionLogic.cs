using System.Globalization;

namespace Shipinator.Grains.Executions;

/// <summary>The rules of an execution, without I/O.</summary>
internal static class ExecutionLogic
{
    /// <summary>The initial row: pending, with its name on the platform.</summary>
    public static ExecutionRecord Create(StartExecution command, TransitionLog log) =>
        new()
        {
            Id = command.Spec.ExecutionId,
            Spec = command.Spec,
            ExecutorType = command.Executor,
            ExternalId = ExecutionHandle.Of(command.Spec, command.Executor).ExternalId,
            Life = log.Begin(Machine.Execution, command.Spec.ExecutionId.Value),
            SubmittedAt = log.Now,
        };

    /// <summary>pending → submitted: it has a slot, and is about to be submitted to its executor.</summary>
    public static ExecutionRecord Submit(ExecutionRecord row, TransitionLog log) =>
        row with
        {
            Life = log.Move(row.Life, row.Id.Value, Status.Submitted),
            SubmittedAt = log.Now,
        };

    /// <summary>submitted → running: a runner claimed it; later claims by other runners are refused.</summary>
    public static ExecutionRecord Claim(ExecutionRecord row, string runner, TransitionLog log) =>
        row with
        {
            Life = log.Move(row.Life, row.Id.Value, Status.Running),
            ClaimedBy = runner,
        };

    /// <summary>Moves to a terminal status. A null exit code keeps the current one.</summary>
    public static ExecutionRecord End(ExecutionRecord row, Status to, Reason? reason, string? detail, int? exitCode, TransitionLog log) =>
        row with
        {
            Life = log.Move(row.Life, row.Id.Value, to, reason, detail),
            ExitCode = exitCode ?? row.ExitCode,
        };

    /// <summary>Ends the execution after a confirmed cancel: as a failure after a time limit, otherwise as <c>canceled</c>.</summary>
    public static ExecutionRecord Stopped(ExecutionRecord row, CancelRequest cancel, TransitionLog log) =>
        End(
            row,
            cancel.Reason is Reason.CanceledByUser or Reason.Superseded or Reason.DependencyFailed ? Status.Canceled : Status.Failed,
            cancel.Reason,
            cancel.Detail,
            null,
            log
        );

    /// <summary>
    /// The row after a runner's report. Null: it stays as it is, because a cancel was requested, which the executor
    /// alone confirms, or because it was reported before. Errors: <see cref="AlreadyEndedException"/>, <see cref="InvalidInputException"/>.
    /// </summary>
    public static ExecutionRecord? Report(ExecutionRecord row, ExecutionReport report, TransitionLog log)
    {
        if (!report.Status.IsTerminal() || report.Status == Status.Skipped)
        {
            throw new InvalidInputException(
                "status_invalid",
                $"An execution can't be reported as {report.Status.Word()}; expected success, failed or canceled."
            );
        }

        if (row.Life.IsTerminal)
        {
            return row.Life.Status == report.Status ? null : throw new AlreadyEndedException(row.Id, row.Life.Status);
        }

        if (row.Cancel is not null)
        {
            return null;
        }

        if (row.Life.Status == Status.Pending)
        {
            throw new ConflictException("not_submitted", $"Execution {row.Id} has not been submitted yet, so it can't have ended.");
        }

        var reported = row with { LogsUri = report.LogsUri ?? row.LogsUri };
        return report.Status switch
        {
            Status.Success => End(reported, Status.Success, null, null, report.ExitCode ?? 0, log),
            // Not canceled by the server, so the signal came from the machine or platform.
            Status.Canceled => End(
                reported,
                Status.Failed,
                Reason.Lost,
                report.Detail ?? "The runner received a stop signal that did not come from the server.",
                report.ExitCode,
                log
            ),
            _ => End(
                reported,
                Status.Failed,
                report.Reason ?? Reason.ExitCode,
                report.Detail
                    ?? (
                        report.ExitCode is { } code
                            ? $"The command exited with code {code.ToString(CultureInfo.InvariantCulture)}."
                            : "The runner reported a failure."
                    ),
                report.ExitCode,
                log
            ),
        };
    }

    /// <summary>Ends the execution by the executor's terminal status when the runner has sent no report.</summary>
    public static ExecutionReport ReportOf(ExecutionStatus status) =>
        status.Status == Status.Success
            ? new() { Status = Status.Success, ExitCode = status.ExitCode }
            : new()
            {
                Status = Status.Failed,
                Reason = status.Reason ?? Reason.Lost,
                Detail = status.Detail ?? "The execution ended without a result.",
                ExitCode = status.ExitCode,
            };

    /// <summary>
    /// The cancel request for an exceeded time limit; null: none is exceeded. <paramref name="isSubmitted"/>: the executor has accepted the
    /// execution, so a runner is expected.
    /// </summary>
    public static CancelRequest? ExceededLimit(
        ExecutionRecord row,
        DateTimeOffset now,
        EngineOptions options,
        bool isSubmitted,
        WaitReason? waitingFor
    )
    {
        if (row.Cancel is not null)
        {
            return null;
        }

        if (row.Life.Status == Status.Running && now - row.Life.StartedAt > row.Spec.Timeout + options.TimeoutMargin)
        {
            return new(now, Reason.Timeout, $"The step ran longer than its timeout of {row.Spec.Timeout.InWords()}.", "system");
        }

        if (row.Life.Status == Status.Submitted && isSubmitted && now - row.SubmittedAt > options.ClaimTimeout)
        {
            var detail = $"No runner claimed the step within {options.ClaimTimeout.InWords()}. {waitingFor?.Describe()}";
            return new(now, Reason.ExecutorError, detail.TrimEnd(), "system");
        }

        return null;
    }

    /// <summary>The response to a runner's heartbeat; with an empty name, any holder of the execution's token is accepted.</summary>
    public static HeartbeatResult Heartbeat(ExecutionRecord? row, string runner, TimeSpan grace)
    {
        if (row is null)
        {
            return new(Cancel: true, grace, IsIdle: true);
        }

        var isOther = row.ClaimedBy is not null && runner.Length > 0 && row.ClaimedBy != runner;
        return new(row.Life.IsTerminal || row.Cancel is not null || isOther, grace, row.Life.IsTerminal || row.ClaimedBy is null);
    }

    /// <summary>
    /// The delay after a number of failures: exponential, at least <c>retryAfter</c>, of which at most <paramref name="longest"/> counts;
    /// <paramref name="dice"/>, a random number from 0 to 1, is the jitter.
    /// </summary>
    public static TimeSpan Backoff(int failures, TimeSpan first, TimeSpan? asked, TimeSpan longest, double dice)
    {
        var own = first * Math.Min(Math.Pow(2, failures - 1), 30) * (0.75 + (dice / 2));
        var wanted = (asked > longest ? longest : asked ?? TimeSpan.Zero) * (1 + (dice / 2));
        return wanted > own ? wanted : own;
    }

    /// <summary>
    /// The executor's handle of the execution: equal to the result of <see cref="IExecutor.Submit"/>, also after a restart.
    /// </summary>
    public static ExecutionHandle Handle(ExecutionRecord row) => ExecutionHandle.Of(row.Spec, row.ExecutorType);
}
