namespace Shipinator.Grains.Executions;

/// <summary>
/// What a runner's own exit code means when it left no report. A container's code is otherwise the command's
/// (docs/runner.md): told as it is, these would read as if the user's command had failed.
/// </summary>
internal static class RunnerExits
{
    /// <summary>The status as it is to be told; <paramref name="claimed"/>: a runner has taken the step.</summary>
    public static ExecutionStatus Explain(ExecutionStatus status, bool claimed) =>
        status switch
        {
            { IsFromRunner: true } or not { Reason: null or Reason.ExitCode } => status,
            { ExitCode: RunnerExitCodes.Refused } => status with
            {
                ExitCode = null,
                Reason = Reason.Lost,
                Detail = claimed
                    ? "Its runner was refused by the server: another runner had the step, or its result was not taken."
                    : "Its runner was refused by the server before it had the step: its token is no good.",
            },
            { ExitCode: RunnerExitCodes.Duplicate } => status with
            {
                ExitCode = null,
                Reason = Reason.ExecutorError,
                Detail = "Its runner ended at once: another runner of the same execution was at work in its folder.",
            },
            _ => status,
        };
}
