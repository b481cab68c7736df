namespace Shipinator.WebFrontend.Security;

/// <summary>The authorization policies. An endpoint without one of them is refused to everybody.</summary>
public static class Policies
{
    /// <summary>See everything.</summary>
    public const string Read = "read";

    /// <summary>Also change things and run pipelines.</summary>
    public const string Write = "write";

    /// <summary>Also tokens and deletions.</summary>
    public const string Admin = "admin";

    /// <summary>The runner of the execution that the route names.</summary>
    public const string Execution = "execution";

    /// <summary>A reader, or the runner of any active execution.</summary>
    public const string ReadOrExecution = "read-or-execution";

    /// <summary>The claim that names a runner's execution.</summary>
    public const string ExecutionClaim = "shipinator:execution";

    /// <summary>The name of our authentication scheme.</summary>
    public const string Scheme = "Bearer";
}
