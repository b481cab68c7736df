namespace Shipinator.Client;

/// <summary>
/// The reasons that a runner reports in <see cref="StatusReport.Reason"/>: a part of the server's closed set. A test compares them with it.
/// </summary>
public static class RunnerReasons
{
    /// <summary>The command ended with an exit code other than 0.</summary>
    public const string ExitCode = "exit_code";

    /// <summary>The command ran longer than <see cref="ClaimResponse.TimeoutSeconds"/>.</summary>
    public const string Timeout = "timeout";

    /// <summary>The kernel killed the command because its container ran out of memory.</summary>
    public const string OomKilled = "oom_killed";

    /// <summary>The workspace could not be prepared, or this machine or the server failed.</summary>
    public const string ExecutorError = "executor_error";

    /// <summary>The step can't be run as it is written.</summary>
    public const string ConfigError = "config_error";

    /// <summary>A declared output is missing after a success.</summary>
    public const string ArtifactMissing = "artifact_missing";

    /// <summary>A declared output exists but can't be stored.</summary>
    public const string ArtifactInvalid = "artifact_invalid";
}
