using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Process;

/// <summary>
/// Runs a job attempt in a folder of this machine, each execution by a runner process of its own. When the server is root,
/// each job attempt has a user of its own, and nothing of another job's or of the server's can be read by its steps. The
/// runners outlive the server: a server that starts again finds them by what they hold and leave in their folder.
/// </summary>
public sealed partial class ProcessExecutor(
    IOptions<ProcessExecutorOptions> options,
    IExecutionTokens tokens,
    IServerAddress address,
    TimeProvider time,
    ILogger<ProcessExecutor> logger
) : IWorkerInventory
{
    private static readonly TimeSpan DeletePatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DeletePause = TimeSpan.FromMilliseconds(200);
    private readonly ProcessExecutorOptions _options = options.Value;
    private readonly JobFolders _folders = new(options.Value, time);
    private readonly RunnerStart _runners = new(options.Value, tokens, address);
    private readonly ConcurrentDictionary<string, WorkerFolder> _left = new(StringComparer.Ordinal);
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
                $"The job asks for services ({string.Join(", ", spec.Worker.Services.Keys)}), which the process executor can't run: it has no containers. Use the kubernetes executor."
            );
        }

        var folder = Folder(spec.Worker.ExternalName);
        // The files of the steps before it went with the folder: it is lost, as its status says, and not run without them.
        if (!spec.JoinsWorker || Directory.Exists(folder.Path))
        {
            await MakeReadyAsync(folder, spec.Worker, cancellationToken);
            Ensure(folder, spec.ExecutionId);
            StartAhead(folder, spec);
        }

        return new(
            Type,
            $"{spec.Worker.ExternalName}-{spec.ExecutionId}",
            spec.ExecutionId,
            spec.Worker.JobId,
            spec.Worker.Attempt,
            spec.StepId
        );
    }

    /// <inheritdoc/>
    public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var id = handle.ExecutionId;
        var folder = FolderOf(handle);
        if (_cancels.TryGetValue(id, out var since) && time.GetUtcNow() - since >= _options.KillAfter)
        {
            ProcessTable.Kill(ProcessesOf(folder, id));
        }

        // The lock before the result: a runner writes the result first and lets go of the lock after.
        var alive = folder.IsAlive(id) || IsStarting(id);
        if (folder.Result(id) is { } result)
        {
            return Task.FromResult(Ended(result, StillPresent: alive || HasLeftovers(folder, id)));
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
                    ? "Its runner process ended without a result: killed, out of memory, or the machine was restarted."
                    : "This machine knows nothing of it.",
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
        var processes = ProcessesOf(FolderOf(handle), id);
        if (now - since >= _options.KillAfter)
        {
            ProcessTable.Kill(processes);
        }
        else if (since == now)
        {
            // The runner passes it on to its command, and counts the command's grace.
            var runners = processes.Where(ProcessTable.IsRunner).ToList();
            ProcessTable.Terminate(runners.Count > 0 ? runners : processes);
        }

        return Task.CompletedTask;
    }

    /// <summary>
    /// Returns also when the folder can't be removed: that is told once, and tried again with each sweep.
    /// </summary>
    public async Task Release(JobId job, int attempt, CancellationToken cancellationToken)
    {
        var folder = Folder(ExternalName(job, attempt));
        if (_left.ContainsKey(folder.Path))
        {
            return;
        }

        var start = time.GetTimestamp();
        while (folder.Exists && await RemoveAsync(folder, cancellationToken) is { } trouble)
        {
            if (time.GetElapsedTime(start) > DeletePatience)
            {
                _left[folder.Path] = folder;
                NotRemoved(folder.Path, _options.SweepPeriod, trouble);
                return;
            }

            await Task.Delay(DeletePause, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task Tidy(CancellationToken cancellationToken)
    {
        foreach (var folder in _left.Values)
        {
            if (await RemoveAsync(folder, cancellationToken) is null)
            {
                _left.TryRemove(folder.Path, out _);
                Removed(folder.Path);
            }
        }
    }

    private async Task<string?> RemoveAsync(WorkerFolder folder, CancellationToken cancellationToken)
    {
        try
        {
            var executions = folder.Executions().ToList();
            ProcessTable.Kill(ProcessTable.Of(executions, _options.IsIsolated ? Unix.Look(folder.Path)?.User : null));
            var trouble = await _folders.RemoveAsync(folder, cancellationToken);
            if (trouble is null)
            {
                executions.ForEach(Forget);
            }

            return trouble;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <inheritdoc/>
    public TimeSpan SweepPeriod => _options.SweepPeriod;

    /// <summary>The job attempts that have a folder here. One in which a runner is at work may be another installation's.</summary>
    public IReadOnlyCollection<FoundWorker> FindWorkers() =>
        [
            .. new[] { _options.Root, WorkerFolder.ControlFolder(_options.Root) }
                .Where(Directory.Exists)
                .SelectMany(root => Directory.EnumerateDirectories(root, "ship-*"))
                .Select(d => Path.GetFileName(d))
                .Distinct(StringComparer.Ordinal)
                .Select(n => n.Split('-'))
                .Where(p => p.Length == 3)
                .Where(p => Guid.TryParseExact(p[1], "N", out _) && int.TryParse(p[2], out _))
                .Select(p =>
                    (
                        Job: new JobId(Guid.ParseExact(p[1], "N")),
                        Attempt: int.Parse(p[2], System.Globalization.CultureInfo.InvariantCulture)
                    )
                )
                .Select(w => (w.Job, w.Attempt, Folder: Folder(ExternalName(w.Job, w.Attempt))))
                .Where(w => !_left.ContainsKey(w.Folder.Path))
                .Select(w => new FoundWorker(
                    w.Job,
                    w.Attempt,
                    $"Folder {w.Folder.Path}",
                    MayBeForeign: w.Folder.Executions().Any(w.Folder.IsAlive)
                )),
        ];

    private async Task MakeReadyAsync(WorkerFolder folder, WorkerSpec worker, CancellationToken cancellationToken)
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
            throw ExecutorException.Transient($"The folder {folder.Path} can't be made ready: {e.Message}", e);
        }
    }

    /// <summary>A runner takes a moment to start; the next step's waits for its turn while this one works.</summary>
    private void StartAhead(WorkerFolder folder, ExecutionSpec spec)
    {
        var steps = spec.Worker.Steps;
        for (var i = 0; i + 1 < steps.Length; i++)
        {
            if (steps[i].StepId == spec.StepId)
            {
                Ensure(folder, steps[i + 1].FirstExecutionId);
            }
        }
    }

    private void Ensure(WorkerFolder folder, ExecutionId execution)
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
            throw ExecutorException.Transient($"A runner can't be started in {folder.Path}: {e.Message}", e);
        }
    }

    /// <summary>A child of ours that has not ended: it may not hold its lock yet.</summary>
    private bool IsStarting(ExecutionId execution) => _children.TryGetValue(execution, out var child) && !child.HasExited;

    private bool HasLeftovers(WorkerFolder folder, ExecutionId execution)
    {
        var leftovers = ProcessesOf(folder, execution).Where(p => !ProcessTable.IsRunner(p)).ToList();
        ProcessTable.Kill(leftovers);
        return leftovers.Count > 0;
    }

    private List<int> ProcessesOf(WorkerFolder folder, ExecutionId execution) =>
        ProcessTable.Of([execution], _options.IsIsolated ? Unix.Look(folder.Path)?.User : null);

    private void Forget(ExecutionId execution)
    {
        _cancels.TryRemove(execution, out _);
        if (_children.TryRemove(execution, out var child))
        {
            child.Dispose();
        }
    }

    private static ExecutionStatus Ended(RunnerResult result, bool StillPresent) =>
        new()
        {
            Status = Words.TryParseStatus(result.Status, out var status) && status.IsTerminal() ? status : Shipinator.Status.Failed,
            ExitCode = result.ExitCode,
            Reason = result.Reason is not null && Words.TryParseReason(result.Reason, out var reason) ? reason : null,
            Detail = result.Detail,
            StillPresent = StillPresent,
            IsFromRunner = true,
        };

    private WorkerFolder FolderOf(ExecutionHandle handle) => Folder(ExternalName(handle.JobId, handle.WorkerAttempt));

    private WorkerFolder Folder(string externalName) => new(_options.Root, externalName);

    private static string ExternalName(JobId job, int attempt) => $"ship-{job.Value:N}-{attempt}";

    [LoggerMessage(2001, LogLevel.Debug, "Runner of execution {Execution} started as process {Pid}")]
    private partial void RunnerStarted(ExecutionId execution, int pid);

    [LoggerMessage(2002, LogLevel.Warning, "The folder {Folder} can't be removed now and is tried again every {Period}: {Trouble}")]
    private partial void NotRemoved(string folder, TimeSpan period, string trouble);

    [LoggerMessage(2003, LogLevel.Information, "The folder {Folder}, which could not be removed before, is removed")]
    private partial void Removed(string folder);
}
