namespace Shipinator.Cli;

/// <summary>Ends the program with an error message for the user and an exit code for scripts.</summary>
internal sealed class CliException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>One of <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; } = exitCode;
}
