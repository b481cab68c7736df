namespace Shipinator.Cli;

/// <summary>The exit codes of the program, as documented in <c>docs/cli.md</c>.</summary>
internal static class ExitCodes
{
    /// <summary>The command completed; a run that was followed succeeded.</summary>
    public const int Success = 0;

    /// <summary>The run failed, or an unexpected error occurred on this machine.</summary>
    public const int Failed = 1;

    /// <summary>The run was canceled.</summary>
    public const int Canceled = 2;

    /// <summary>The command line is invalid, or a file or folder that it names is.</summary>
    public const int Usage = 3;

    /// <summary>The server can't be reached, or reported an internal error.</summary>
    public const int Unreachable = 4;

    /// <summary>The token is missing or invalid, or its role doesn't allow the operation.</summary>
    public const int Unauthorized = 5;

    /// <summary>The requested object does not exist.</summary>
    public const int NotFound = 6;

    /// <summary>The server rejected the request: a conflict or invalid values.</summary>
    public const int Invalid = 7;

    /// <summary>The pipeline file has errors.</summary>
    public const int PipelineFile = 8;

    /// <summary>Interrupted by Ctrl-C or SIGTERM.</summary>
    public const int Interrupted = 130;

    /// <summary>The exit code for the final status of a run.</summary>
    public static int Of(string runStatus) =>
        runStatus switch
        {
            "success" => Success,
            "canceled" => Canceled,
            _ => Failed,
        };
}
