namespace Shipinator.Runner;

/// <summary>The runner's exit codes. In a container a failed command's own code takes their place (docs/runner.md).</summary>
internal static class ExitCodes
{
    /// <summary>The result was reported, or the execution was not needed.</summary>
    public const int Done = 0;

    /// <summary>The workspace could not be prepared; in a container also: the step failed without an exit code of its own.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage: an argument or a variable.</summary>
    public const int Usage = 2;

    /// <summary>The server refused: another runner has the execution, or the token is invalid.</summary>
    public const int Refused = 3;

    /// <summary>Another runner process on this machine has, or had, the same execution.</summary>
    public const int Duplicate = 4;

    /// <summary>In a container: ended by SIGTERM, as a shell reports it.</summary>
    public const int Stopped = 143;
}
