namespace Shipinator.Grains.Executions;

/// <summary>
/// Translates the runner's own exit codes when there is no report. Other exit codes of a container are the command's (docs/runner.md);
/// without the translation, a failure of the runner would look like a failure of the user's command.
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
                Detail = "The runner exited immediately: another runner of the same execution was using its folder.",
            },
            _ => status,
        };
}
