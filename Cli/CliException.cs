namespace Shipinator.Cli;

/// <summary>Ends the program with a sentence for the person who typed the command, and a code for scripts.</summary>
internal sealed class CliException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>One of <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; } = exitCode;
}
