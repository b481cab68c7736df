namespace Shipinator.Grains.Executions;

/// <summary>
/// A runner reported that it was told to stop, and not by us: the executor may know by whom, an eviction for one, but what the platform
/// did reached the runner first. The report waits for the executor's explanation, for a limited time.
/// </summary>
internal sealed class StopExplanation(StopReport stopped, TimeSpan timeout)
{
    /// <summary>
    /// The report as it counts; null: the executor may still explain it. <paramref name="status"/>: what the executor says now;
    /// null: it could not be asked.
    /// </summary>
    public ExecutionReport? Resolve(ExecutionStatus? status, DateTimeOffset now) =>
        (status is null ? null : Explain(stopped.Report, status)) ?? (now < stopped.At + timeout ? null : stopped.Report);

    /// <summary>The report with the reason that the executor knows; null: it does not know one yet.</summary>
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
