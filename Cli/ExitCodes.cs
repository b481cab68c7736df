namespace Shipinator.Cli;

/// <summary>What the program ends with; the table is in <c>docs/cli.md</c>.</summary>
internal static class ExitCodes
{
    /// <summary>It was done; a run that was followed succeeded.</summary>
    public const int Success = 0;

    /// <summary>The run failed, or something unforeseen happened here.</summary>
    public const int Failed = 1;

    /// <summary>The run was canceled.</summary>
    public const int Canceled = 2;

    /// <summary>The command line, or what it points to, is wrong.</summary>
    public const int Usage = 3;

    /// <summary>The server can't be reached, or is out of order.</summary>
    public const int Unreachable = 4;

    /// <summary>The token is missing, unknown, or may not do that.</summary>
    public const int Refused = 5;

    /// <summary>There is no such thing.</summary>
    public const int NotFound = 6;

    /// <summary>The server understood and said no: a conflict, or values that it does not take.</summary>
    public const int Invalid = 7;

    /// <summary>The pipeline file has errors.</summary>
    public const int PipelineFile = 8;

    /// <summary>Ctrl-C or SIGTERM.</summary>
    public const int Interrupted = 130;

    /// <summary>The code for how a run ended.</summary>
    public static int Of(string runStatus) =>
        runStatus switch
        {
            "success" => Success,
            "canceled" => Canceled,
            _ => Failed,
        };
}
