namespace Shipinator.Grains.Executions;

/// <summary>
/// What a runner's own exit code means when it left no report. A container's exit code is otherwise the command's (docs/runner.md):
/// without this, a runner's would read as if the user's command had failed.
/// </summary>
internal static class RunnerExitReasons
{
    /// <summary>The status with the exit code translated; <paramref name="claimed"/>: a runner has claimed the step.</summary>
    public static ExecutionStatus Explain(ExecutionStatus status, bool claimed) =>
        status switch
        {
            { IsFromRunner: true } or not { Reason: null or Reason.ExitCode } => status,
            { ExitCode: RunnerExitCodes.Refused } => status with
            {
                ExitCode = null,
                Reason = Reason.Lost,
                Detail = claimed
                    ? "The server refused the runner: another runner had claimed the step, or its result was not accepted."
                    : "The server refused the runner before it claimed the step: its token is invalid.",
            },
            { ExitCode: RunnerExitCodes.Duplicate } => status with
            {
                ExitCode = null,
                Reason = Reason.ExecutorError,
                Detail = "The runner ended at once: another runner of the same execution was using its folder.",
            },
            _ => status,
        };
}
