namespace Shipinator.Grains.Executions;

/// <summary>
/// Explains why a runner was stopped from outside Shipinator, for example by an eviction. The runner's report usually arrives before the
/// executor knows the reason, so the report is held back until the executor explains it, or until a timeout.
/// </summary>
internal sealed class StopExplanation(StopReport stopped, TimeSpan timeout)
{
    /// <summary>
    /// The final report; null while the executor may still explain the stop. <paramref name="status"/> is the executor's current status;
    /// null: the executor is unavailable.
    /// </summary>
    public ExecutionReport? Resolve(ExecutionStatus? status, DateTimeOffset now) =>
        (status is null ? null : Explain(stopped.Report, status)) ?? (now < stopped.At + timeout ? null : stopped.Report);

    /// <summary>The report with the executor's reason; null: the executor has none yet.</summary>
    public static ExecutionReport? Explain(ExecutionReport report, ExecutionStatus status) =>
        status.Reason is { } reason && reason != Reason.ExitCode
            ? report with
            {
                Status = Status.Failed,
                Reason = reason,
                Detail = status.Detail ?? report.Detail,
            }
        : status.Status.IsTerminal() ? report
        : null;
}
