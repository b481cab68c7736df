namespace Shipinator.Runner;

/// <summary>The runner's exit codes. In a container a failed command's own code takes their place (docs/runner.md).</summary>
internal static class ExitCodes
{
    /// <summary>Its work is reported, or it was not needed.</summary>
    public const int Done = 0;

    /// <summary>The workspace could not be prepared; in a container also: the step failed without an exit code of its own.</summary>
    public const int Failed = 1;

    /// <summary>Wrong use: an argument or a variable.</summary>
    public const int Usage = 2;

    /// <summary>The server refused it: another runner has the work, or the token is no good.</summary>
    public const int Refused = 3;

    /// <summary>Another runner process of the same execution is at work on this machine, or was.</summary>
    public const int Duplicate = 4;

    /// <summary>In a container: told to stop by SIGTERM, as a shell would say it.</summary>
    public const int Stopped = 143;
}
