namespace Shipinator.WebFrontend.Security;

/// <summary>The authorization policies. Endpoints without a policy deny all requests.</summary>
public static class Policies
{
    /// <summary>Read access to everything.</summary>
    public const string Read = "read";

    /// <summary>Read access, plus changes and pipeline runs.</summary>
    public const string Write = "write";

    /// <summary>Write access, plus tokens and deletions.</summary>
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
