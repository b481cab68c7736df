namespace Shipinator;

/// <summary>
/// The runner's own exit codes that the engine and the executors tell apart from a command's. The runner has them from
/// <c>Shipinator.Client.RunnerExitCodes</c>, since it may refer to no other room; a test keeps the two lists equal.
/// </summary>
public static class RunnerExitCodes
{
    /// <summary>Wrong use: an argument or a variable.</summary>
    public const int Usage = 2;

    /// <summary>The server refused it: another runner has claimed the execution, or the token is invalid.</summary>
    public const int Refused = 3;

    /// <summary>Another runner process of the same execution runs, or ran, on this machine.</summary>
    public const int Duplicate = 4;

    /// <summary>Stopped by SIGTERM, as a shell reports it (128 + 15).</summary>
    public const int Stopped = 143;
}
