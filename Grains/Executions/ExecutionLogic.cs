using System.Globalization;

namespace Shipinator.Grains.Executions;

/// <summary>The rules of an execution, without I/O.</summary>
internal static class ExecutionLogic
{
    /// <summary>The first row: pending, with the name that the platform will know it by.</summary>
    public static ExecutionRecord Create(StartExecution command, Edit edit) =>
        new()
        {
            Id = command.Spec.ExecutionId,
            Spec = command.Spec,
            ExecutorType = command.Executor,
            ExternalId = ExecutionHandle.Of(command.Spec, command.Executor).ExternalId,
            Life = edit.Begin(Machine.Execution, command.Spec.ExecutionId.Value),
            SubmittedAt = edit.Now,
        };

    /// <summary>pending → submitted: it has its place, and is about to be handed over.</summary>
    public static ExecutionRecord Submit(ExecutionRecord row, Edit edit) =>
        row with
        {
            Life = edit.Move(row.Life, row.Id.Value, Status.Submitted),
            SubmittedAt = edit.Now,
        };

    /// <summary>submitted → running: a runner took the work; from now on it is that runner's alone.</summary>
    public static ExecutionRecord Claim(ExecutionRecord row, string runner, Edit edit) =>
        row with
        {
            Life = edit.Move(row.Life, row.Id.Value, Status.Running),
            ClaimedBy = runner,
        };

    /// <summary>To its end.</summary>
    public static ExecutionRecord End(ExecutionRecord row, Status to, Reason? reason, string? detail, int? exitCode, Edit edit) =>
        row with
        {
            Life = edit.Move(row.Life, row.Id.Value, to, reason, detail),
            ExitCode = exitCode ?? row.ExitCode,
        };

    /// <summary>The end that a confirmed stop means: a timeout is a failure, everything else is <c>canceled</c>.</summary>
    public static ExecutionRecord Stopped(ExecutionRecord row, CancelRequest cancel, Edit edit) =>
        End(
            row,
            cancel.Reason is Reason.CanceledByUser or Reason.Superseded or Reason.DependencyFailed ? Status.Canceled : Status.Failed,
            cancel.Reason,
            cancel.Detail,
            null,
            edit
        );

    /// <summary>
    /// What a runner's report makes of the row. Null: nothing, because a stop was asked for and is confirmed by the
    /// executor alone. Errors: <see cref="AlreadyEndedException"/>, <see cref="InvalidInputException"/>.
    /// </summary>
    public static ExecutionRecord? Report(ExecutionRecord row, ExecutionReport report, Edit edit)
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
            throw new ConflictException("not_submitted", $"Execution {row.Id} has not been submitted yet: it can't have ended.");
        }

        var reported = row with { LogsUri = report.LogsUri ?? row.LogsUri };
        return report.Status switch
        {
            Status.Success => End(reported, Status.Success, null, null, report.ExitCode ?? 0, edit),
            // Nobody of ours asked for a stop: somebody on the machine did.
            Status.Canceled => End(
                reported,
                Status.Failed,
                Reason.Lost,
                report.Detail ?? "Its runner was told to stop by somebody else.",
                report.ExitCode,
                edit
            ),
            _ => End(
                reported,
                Status.Failed,
                report.Reason ?? Reason.ExitCode,
                report.Detail
                    ?? (
                        report.ExitCode is { } code
                            ? $"The command ended with exit code {code.ToString(CultureInfo.InvariantCulture)}."
                            : "The runner reported a failure."
                    ),
                report.ExitCode,
                edit
            ),
        };
    }

    /// <summary>
    /// When to try again after so many failures: longer each time, never before the executor wants it, and <paramref name="dice"/>
    /// (0 to 1) spreads those that failed together.
    /// </summary>
    public static TimeSpan Backoff(int failures, TimeSpan first, TimeSpan? asked, TimeSpan longest, double dice)
    {
        var own = first * Math.Min(Math.Pow(2, failures - 1), 30) * (0.75 + (dice / 2));
        var wanted = (asked > longest ? longest : asked ?? TimeSpan.Zero) * (1 + (dice / 2));
        return wanted > own ? wanted : own;
    }

    /// <summary>Names it to its executor: the same as what <see cref="IExecutor.Submit"/> returned, also after a restart.</summary>
    public static ExecutionHandle Handle(ExecutionRecord row) => ExecutionHandle.Of(row.Spec, row.ExecutorType);
}
