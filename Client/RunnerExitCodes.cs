namespace Shipinator.Client;

/// <summary>
/// The runner's exit codes, as executors see them. In a container the exit code of a failed command takes their place (docs/runner.md).
/// </summary>
public static class RunnerExitCodes
{
    /// <summary>Its work is reported, or it was not needed.</summary>
    public const int Done = 0;

    /// <summary>The workspace could not be prepared; in a container also: the step failed without an exit code.</summary>
    public const int Failed = 1;

    /// <summary>Wrong use: an argument or a variable.</summary>
    public const int Usage = 2;

    /// <summary>The server refused it: another runner has claimed the execution, or the token is invalid.</summary>
    public const int Refused = 3;

    /// <summary>Another runner process of the same execution runs, or ran, on this machine.</summary>
    public const int Duplicate = 4;

    /// <summary>In a container: stopped by SIGTERM, as a shell reports it (128 + 15).</summary>
    public const int Stopped = 143;
}
