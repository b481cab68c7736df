namespace Shipinator;

/// <summary>
/// The specification's executor contract (§5.2). All three calls may be repeated at any time and answer the same.
/// Errors: <see cref="ExecutorException"/>, transient or rejected.
/// </summary>
public interface IExecutor
{
    /// <summary>
    /// Starts the execution, and its job's worker if that is not there yet. Idempotent by execution id: what exists
    /// already and is ours counts as started.
    /// </summary>
    Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken);

    /// <summary>What is known of it. Unknown to the platform after it was submitted means lost.</summary>
    Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken);

    /// <summary>
    /// Asks it to stop, gracefully first; returns when that is under way. <see cref="Status"/> tells when nothing of it
    /// runs any more.
    /// </summary>
    Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken);
}

/// <summary>
/// What stands beside the contract for executors whose executions share a job's worker: the worker is released when the
/// job attempt is over. Kept apart so that <see cref="IExecutor"/> stays the specification's.
/// </summary>
public interface IWorkerExecutor : IExecutor
{
    /// <summary>The executor's name, an execution's <c>executor_type</c>.</summary>
    string Type { get; }

    /// <summary>
    /// Whether its runners check the source out themselves: then the first claim in a workspace carries the clone credential. Where
    /// something else prepares the workspace, no claim ever does.
    /// </summary>
    bool RunnersClone => false;

    /// <summary>Whether one runner process serves all tries of a step, and so may ask for the token of the next one.</summary>
    bool RunnersServeRetries => false;

    /// <summary>Whether it can run a job's services beside its steps.</summary>
    bool CanRunServices => true;

    /// <summary>Removes the workspace and whatever still runs in it. Idempotent.</summary>
    Task Release(JobId job, int attempt, CancellationToken cancellationToken);
}

/// <summary>Finds an executor by its type.</summary>
public interface IExecutorRegistry
{
    /// <summary>Errors: <see cref="ExecutorException"/> (rejected, <c>config_error</c>) that names the known ones.</summary>
    IWorkerExecutor Get(string type);

    /// <summary>The types that are configured.</summary>
    IReadOnlyCollection<string> Types { get; }
}

/// <summary>Makes and checks the token by which one execution's runner speaks to <c>/v1</c>: valid for that execution alone.</summary>
public interface IExecutionTokens
{
    /// <summary>The same token each time for the same execution, so that a repeated submit changes nothing.</summary>
    string Issue(ExecutionId execution);

    /// <summary>The execution that the token is for; null when it is no token of ours.</summary>
    ExecutionId? Verify(string token);
}

/// <summary>Where this installation can be reached.</summary>
public interface IServerAddress
{
    /// <summary>By people and forges, for links.</summary>
    Uri PublicUrl { get; }

    /// <summary>By runners.</summary>
    Uri RunnerUrl { get; }
}

/// <summary>Secret values, given out only at a claim.</summary>
public interface ISecretSource
{
    /// <summary>The values of those that exist; a missing name is missing in the answer.</summary>
    Task<IReadOnlyDictionary<string, string>> Resolve(
        ProjectId project,
        RepositoryId repository,
        IReadOnlyCollection<string> names,
        CancellationToken cancellationToken
    );
}

/// <summary>The credential for a clone URL.</summary>
public interface IGitCredentials
{
    /// <summary>User name and password for the URL's scheme, host, port and path, or null when none is configured.</summary>
    Task<GitCredential?> Find(string cloneUrl, CancellationToken cancellationToken);
}

/// <summary>A user name and a password or token, and what it may be sent to.</summary>
/// <param name="Username">The user name.</param>
/// <param name="Password">Password or token.</param>
/// <param name="Scope">The URL prefix that it belongs to: <c>https://git.example.org</c>, <c>https://git.example.org:8443/org</c>. It is sent nowhere else.</param>
public sealed record GitCredential(string Username, string Password, string Scope);
