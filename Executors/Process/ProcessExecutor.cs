using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Process;

/// <summary>
/// Runs a job attempt in a folder of this machine, each execution by its own runner process. When the server is root,
/// each job attempt has its own user, and its steps can read nothing of another job's or of the server's. Runners outlive the server:
/// a restarted server finds them by the locks that they hold and the results that they leave in their folder.
/// </summary>
public sealed partial class ProcessExecutor(
    IOptions<ProcessExecutorOptions> options,
    IExecutionTokens tokens,
    IServerAddress address,
    TimeProvider time,
    ILogger<ProcessExecutor> logger
) : IWorkerInventory
{
    private static readonly TimeSpan DeleteTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DeleteRetryDelay = TimeSpan.FromMilliseconds(200);
    private readonly ProcessExecutorOptions _options = options.Value;
    private readonly JobFolders _folders = new(options.Value, time);
    private readonly RunnerLauncher _runners = new(options.Value, tokens, address);
    private readonly ConcurrentDictionary<string, WorkerFolder> _unremoved = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<ExecutionId, System.Diagnostics.Process> _children = new();
    private readonly ConcurrentDictionary<ExecutionId, DateTimeOffset> _cancels = new();

    /// <inheritdoc/>
    public string Type => "process";

    /// <inheritdoc/>
    public bool RunnersClone => true;

    /// <inheritdoc/>
    public bool CanRunServices => false;

    /// <inheritdoc/>
    public async Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (!spec.Worker.Services.IsEmpty)
        {
            throw ExecutorException.Rejected(
                Reason.ConfigError,
                $"The job declares services ({string.Join(", ", spec.Worker.Services.Keys)}), which the process executor can't "
                    + "run because it "
                    + "has no containers. Use the kubernetes executor."
            );
        }

        var folder = Folder(spec.Worker.ExternalName);
        // Without the folder the files of earlier steps are gone: not run without them; Status reports it as lost.
        if (!spec.JoinsWorker || Directory.Exists(folder.Path))
        {
            var isNew = !Directory.Exists(folder.Path);
            await PrepareAsync(folder, spec.Worker, cancellationToken);
            if (isNew)
            {
                WorkerCreated(folder.Path, spec.Worker.JobId, spec.Worker.Attempt);
            }

            EnsureRunner(folder, spec.ExecutionId);
            StartNextRunner(folder, spec);
        }

        return ExecutionHandle.Of(spec, Type);
    }

    /// <inheritdoc/>
    public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var id = handle.ExecutionId;
        var folder = Folder(handle.WorkerName);
        if (_cancels.TryGetValue(id, out var since) && time.GetUtcNow() - since >= _options.KillAfter)
        {
            ProcessTable.Kill(ProcessesOf(folder, id));
        }

        // The lock before the result: a runner writes the result first and releases the lock afterwards.
        var alive = folder.IsAlive(id) || IsStarting(id);
        if (folder.Result(id) is { } result)
        {
            return Task.FromResult(Ended(result, stillPresent: alive || HasLeftovers(folder, id)));
        }

        if (alive)
        {
            return Task.FromResult(new ExecutionStatus { Status = Shipinator.Status.Running });
        }

        var leftovers = ProcessesOf(folder, id);
        ProcessTable.Kill(leftovers);
        return Task.FromResult(
            new ExecutionStatus
            {
                Status = Shipinator.Status.Failed,
                Reason = Reason.Lost,
                Detail = folder.WasStarted(id)
                    ? "The runner process ended without a result: it was killed or ran out of memory, or the machine was restarted."
                    : "No runner of this execution was started on this machine.",
                StillPresent = leftovers.Count > 0,
            }
        );
    }

    /// <inheritdoc/>
    public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var id = handle.ExecutionId;
        var now = time.GetUtcNow();
        var since = _cancels.GetOrAdd(id, now);
        var processes = ProcessesOf(Folder(handle.WorkerName), id);
        if (now - since >= _options.KillAfter)
        {
            ProcessTable.Kill(processes);
        }
        else if (since == now)
        {
            // The runner forwards it to its command and enforces the command's grace period.
            var runners = processes.Where(ProcessTable.IsRunner).ToList();
            ProcessTable.Terminate(runners.Count > 0 ? runners : processes);
        }

        return Task.CompletedTask;
    }

    /// <summary>
    /// Returns even when the folder can't be removed: that is logged once and retried with each sweep.
    /// </summary>
    public async Task Release(JobId job, int attempt, CancellationToken cancellationToken)
    {
        var folder = Folder(WorkerName.Of(job, attempt));
        if (_unremoved.ContainsKey(folder.Path) || !folder.Exists)
        {
            return;
        }

        var start = time.GetTimestamp();
        while (await RemoveAsync(folder, cancellationToken) is { } problem)
        {
            if (time.GetElapsedTime(start) > DeleteTimeout)
            {
                _unremoved[folder.Path] = folder;
                NotRemoved(folder.Path, _options.SweepPeriod, problem);
                return;
            }

            await Task.Delay(DeleteRetryDelay, time, cancellationToken);
        }

        WorkerRemoved(folder.Path);
    }

    /// <inheritdoc/>
    public async Task Tidy(CancellationToken cancellationToken)
    {
        foreach (var folder in _unremoved.Values)
        {
            if (await RemoveAsync(folder, cancellationToken) is null)
            {
                _unremoved.TryRemove(folder.Path, out _);
                Removed(folder.Path);
            }
        }
    }

    private async Task<string?> RemoveAsync(WorkerFolder folder, CancellationToken cancellationToken)
    {
        try
        {
            var executions = folder.Executions().ToList();
            ProcessTable.Kill(ProcessTable.FindByExecution(executions, _options.IsIsolated ? Unix.Stat(folder.Path)?.User : null));
            var problem = await _folders.RemoveAsync(folder, cancellationToken);
            if (problem is null)
            {
                executions.ForEach(Forget);
            }

            return problem;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <inheritdoc/>
    public TimeSpan SweepPeriod => _options.SweepPeriod;

    /// <summary>The job attempts that have a folder here. One whose runner is running may belong to another installation.</summary>
    public IReadOnlyCollection<FoundWorker> FindWorkers()
    {
        var found = new List<FoundWorker>();
        var names = new[] { _options.Root, WorkerFolder.ControlFolder(_options.Root) }
            .Where(Directory.Exists)
            .SelectMany(root => Directory.EnumerateDirectories(root, $"{WorkerName.Prefix}*"))
            .Select(Path.GetFileName)
            .Distinct(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (
                WorkerName.TryParse(name, out var job, out var attempt)
                && Folder(name) is var folder
                && !_unremoved.ContainsKey(folder.Path)
            )
            {
                found.Add(new(job, attempt, $"Folder {folder.Path}", MayBeForeign: folder.Executions().Any(folder.IsAlive)));
            }
        }

        return found;
    }

    private async Task PrepareAsync(WorkerFolder folder, WorkerSpec worker, CancellationToken cancellationToken)
    {
        try
        {
            await _folders.MakeAsync(folder, worker, cancellationToken);
            if (_folders.User(folder) is { } user && worker.Source is { } source && SourceCopy.LocalPath(source.CloneUrl) is { } path)
            {
                await SourceCopy.MakeAsync(path, folder, user, cancellationToken);
            }
        }
        catch (SourceCopyException e)
        {
            throw ExecutorException.Rejected(Reason.ExecutorError, e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ExecutorException.Transient($"The folder {folder.Path} could not be prepared: {e.Message}", e);
        }
    }

    /// <summary>Hides the runner's startup time: the next step's runner starts and waits while this step runs.</summary>
    private void StartNextRunner(WorkerFolder folder, ExecutionSpec spec)
    {
        var steps = spec.Worker.Steps;
        for (var i = 0; i + 1 < steps.Length; i++)
        {
            if (steps[i].StepId == spec.StepId)
            {
                EnsureRunner(folder, steps[i + 1].FirstExecutionId);
            }
        }
    }

    private void EnsureRunner(WorkerFolder folder, ExecutionId execution)
    {
        if (IsStarting(execution) || folder.IsAlive(execution) || folder.Result(execution) is not null)
        {
            return;
        }

        try
        {
            var process = _runners.Start(folder, execution, _folders.User(folder));
            _children[execution] = process;
            RunnerStarted(execution, process.Id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            throw ExecutorException.Transient($"The runner could not be started in {folder.Path}: {e.Message}", e);
        }
    }

    /// <summary>Whether a child process of this server is running: it may not hold its lock yet.</summary>
    private bool IsStarting(ExecutionId execution) => _children.TryGetValue(execution, out var child) && !child.HasExited;

    private bool HasLeftovers(WorkerFolder folder, ExecutionId execution)
    {
        var leftovers = ProcessesOf(folder, execution).Where(p => !ProcessTable.IsRunner(p)).ToList();
        ProcessTable.Kill(leftovers);
        return leftovers.Count > 0;
    }

    private List<int> ProcessesOf(WorkerFolder folder, ExecutionId execution) =>
        ProcessTable.FindByExecution([execution], _options.IsIsolated ? Unix.Stat(folder.Path)?.User : null);

    private void Forget(ExecutionId execution)
    {
        _cancels.TryRemove(execution, out _);
        if (_children.TryRemove(execution, out var child))
        {
            child.Dispose();
        }
    }

    private static ExecutionStatus Ended(RunnerResult result, bool stillPresent) =>
        new()
        {
            Status = Words.TryParseStatus(result.Status, out var status) && status.IsTerminal() ? status : Shipinator.Status.Failed,
            ExitCode = result.ExitCode,
            Reason = result.Reason is not null && Words.TryParseReason(result.Reason, out var reason) ? reason : null,
            Detail = result.Detail,
            StillPresent = stillPresent,
            IsFromRunner = true,
        };

    private WorkerFolder Folder(string worker) => new(_options.Root, worker);

    [LoggerMessage(3201, LogLevel.Debug, "Started the runner of execution {Execution} as process {Pid}")]
    private partial void RunnerStarted(ExecutionId execution, int pid);

    [LoggerMessage(3202, LogLevel.Warning, "Failed to remove the folder {Folder}; retrying every {Period}: {Problem}")]
    private partial void NotRemoved(string folder, TimeSpan period, string problem);

    [LoggerMessage(3203, LogLevel.Information, "Removed the folder {Folder}, which could not be removed before")]
    private partial void Removed(string folder);

    [LoggerMessage(3204, LogLevel.Information, "Created the folder {Folder} for job {Job}, attempt {Attempt}")]
    private partial void WorkerCreated(string folder, JobId job, int attempt);

    [LoggerMessage(3205, LogLevel.Information, "Removed the folder {Folder}")]
    private partial void WorkerRemoved(string folder);
}
