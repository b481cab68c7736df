namespace Shipinator;

/// <summary>
/// The specification's executor contract (§5.2). All three calls are idempotent and may be repeated at any time.
/// Errors: <see cref="ExecutorException"/>, transient or rejected.
/// </summary>
public interface IExecutor
{
    /// <summary>
    /// Starts the execution, and its worker if that does not exist yet. Idempotent by execution id: what already exists and is ours
    /// counts as started. Returns <see cref="ExecutionHandle.Of"/> the spec.
    /// </summary>
    Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken);

    /// <summary>The current status. An execution that was submitted and is unknown to the platform is lost.</summary>
    Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken);

    /// <summary>
    /// Requests a graceful stop, and returns when the request was sent. <see cref="Status"/> shows when nothing of the execution is
    /// running.
    /// </summary>
    Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken);
}

/// <summary>
/// Extends the contract for executors whose executions share a job attempt's worker, which is released when the attempt has ended.
/// Separate, so that <see cref="IExecutor"/> stays as specified.
/// </summary>
public interface IWorkerExecutor : IExecutor
{
    /// <summary>The executor's name, an execution's <c>executor_type</c>.</summary>
    string Type { get; }

    /// <summary>
    /// Whether its runners check out the source themselves: then the response to the first claim in a workspace contains the clone
    /// credential. Where something else prepares the workspace, no response ever does.
    /// </summary>
    bool RunnersClone => false;

    /// <summary>Whether one runner process serves all attempts of a step, and so may request the token of the next one.</summary>
    bool RunnersServeRetries => false;

    /// <summary>Whether it can run a job's services.</summary>
    bool CanRunServices => true;

    /// <summary>Removes the worker: the workspace and whatever still runs in it. Idempotent.</summary>
    Task Release(JobId job, int attempt, CancellationToken cancellationToken);
}

/// <summary>The configured executors, by type.</summary>
public interface IExecutorRegistry
{
    /// <summary>Errors: <see cref="ExecutorException"/> (rejected, <c>config_error</c>) that names the configured types.</summary>
    IWorkerExecutor Get(string type);

    IReadOnlyCollection<string> Types { get; }
}

/// <summary>Issues and verifies the tokens with which runners authenticate to <c>/v1</c>, each valid for one execution.</summary>
public interface IExecutionTokens
{
    /// <summary>Returns the same token each time for the same execution, so that a repeated submit changes nothing.</summary>
    string Issue(ExecutionId execution);

    /// <summary>The execution that the token is valid for; null when it is invalid.</summary>
    ExecutionId? Verify(string token);
}

/// <summary>The URLs of this installation.</summary>
public interface IServerAddress
{
    /// <summary>For people and forges: used in links.</summary>
    Uri PublicUrl { get; }

    /// <summary>For runners.</summary>
    Uri RunnerUrl { get; }
}

/// <summary>The credential for a clone URL.</summary>
public interface IGitCredentials
{
    /// <summary>User name and password for the URL's scheme, host, port and path, or null when none is configured.</summary>
    Task<GitCredential?> Find(string cloneUrl, CancellationToken cancellationToken);
}

/// <summary>A user name and a password or token, and the URLs that they may be sent to.</summary>
/// <param name="Username">The user name.</param>
/// <param name="Password">Password or token.</param>
/// <param name="Scope">
/// The URL prefix that it belongs to: <c>https://git.example.org</c>, <c>https://git.example.org:8443/org</c>. It is sent nowhere else.
/// </param>
public sealed record GitCredential(string Username, string Password, string Scope);
