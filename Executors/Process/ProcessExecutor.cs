using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Process;

/// <summary>
/// Runs a job attempt in a folder of this machine, each execution by a runner process of its own. The runners outlive the
/// server: a server that starts again finds them by what they hold and leave in their folder.
/// </summary>
public sealed partial class ProcessExecutor(
    IOptions<ProcessExecutorOptions> options, IExecutionTokens tokens, IServerAddress address, TimeProvider time,
    ILogger<ProcessExecutor> logger) : IWorkerInventory
{
    private static readonly TimeSpan DeletePatience = TimeSpan.FromSeconds(5);
    private static readonly HashSet<string> Inherited = new(StringComparer.Ordinal)
    {
        "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "DOTNET_ROOT",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    };

    private readonly ProcessExecutorOptions _options = options.Value;
    private readonly ConcurrentDictionary<ExecutionId, System.Diagnostics.Process> _children = new();
    private readonly ConcurrentDictionary<ExecutionId, DateTimeOffset> _cancels = new();

    /// <inheritdoc/>
    public string Type => "process";

    /// <inheritdoc/>
    public bool RunnersClone => true;

    /// <inheritdoc/>
    public bool CanRunServices => false;

    /// <inheritdoc/>
    public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (!spec.Worker.Services.IsEmpty)
        {
            throw ExecutorException.Rejected(Reason.ConfigError, $"The job asks for services ({string.Join(", ", spec.Worker.Services.Keys)}), which the process executor can't run: it has no containers. Use the kubernetes executor.");
        }

        var folder = Folder(spec.Worker.ExternalName);
        // The files of the steps before it went with the folder: it is lost, as its status says, and not run without them.
        if (!spec.JoinsWorker || Directory.Exists(folder.Path))
        {
            Ensure(folder, spec.ExecutionId);
            StartAhead(folder, spec);
        }

        return Task.FromResult(new ExecutionHandle(
            Type, $"{spec.Worker.ExternalName}-{spec.ExecutionId}", spec.ExecutionId, spec.Worker.JobId, spec.Worker.Attempt, spec.StepId));
    }

    /// <inheritdoc/>
    public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var id = handle.ExecutionId;
        var folder = FolderOf(handle);
        if (_cancels.TryGetValue(id, out var since) && time.GetUtcNow() - since >= _options.KillAfter)
        {
            ProcessTable.Kill(ProcessTable.Of([id]));
        }

        // The lock before the result: a runner writes the result first and lets go of the lock after.
        var alive = folder.IsAlive(id) || IsStarting(id);
        if (folder.Result(id) is { } result)
        {
            return Task.FromResult(Ended(result, StillPresent: alive || HasLeftovers(id)));
        }

        if (alive)
        {
            return Task.FromResult(new ExecutionStatus { Status = Shipinator.Status.Running });
        }

        var leftovers = ProcessTable.Of([id]);
        ProcessTable.Kill(leftovers);
        return Task.FromResult(new ExecutionStatus
        {
            Status = Shipinator.Status.Failed,
            Reason = Reason.Lost,
            Detail = folder.WasStarted(id)
                ? "Its runner process ended without a result: killed, out of memory, or the machine was restarted."
                : "This machine knows nothing of it.",
            StillPresent = leftovers.Count > 0,
        });
    }

    /// <inheritdoc/>
    public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var id = handle.ExecutionId;
        var now = time.GetUtcNow();
        var since = _cancels.GetOrAdd(id, now);
        var processes = ProcessTable.Of([id]);
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

    /// <inheritdoc/>
    public async Task Release(JobId job, int attempt, CancellationToken cancellationToken)
    {
        var folder = Folder(ExternalName(job, attempt));
        var start = time.GetTimestamp();
        while (Directory.Exists(folder.Path))
        {
            var executions = folder.Executions().ToList();
            ProcessTable.Kill(ProcessTable.Of(executions));
            try
            {
                MakeWritable(folder.Path);
                Directory.Delete(folder.Path, recursive: true);
                executions.ForEach(Forget);
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (time.GetElapsedTime(start) > DeletePatience)
                {
                    throw ExecutorException.Transient($"The folder {folder.Path} can't be removed: {e.Message}", e);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public TimeSpan SweepPeriod => _options.SweepPeriod;

    /// <summary>The job attempts that have a folder here. One in which a runner is at work may be another installation's.</summary>
    public IReadOnlyCollection<FoundWorker> FindWorkers() => Directory.Exists(_options.Root)
        ? [.. Directory.EnumerateDirectories(_options.Root, "ship-*").Select(d => Path.GetFileName(d).Split('-')).Where(p => p.Length == 3)
            .Where(p => Guid.TryParseExact(p[1], "N", out _) && int.TryParse(p[2], out _))
            .Select(p => (Job: new JobId(Guid.ParseExact(p[1], "N")), Attempt: int.Parse(p[2], System.Globalization.CultureInfo.InvariantCulture)))
            .Select(w => (w.Job, w.Attempt, Folder: Folder(ExternalName(w.Job, w.Attempt))))
            .Select(w => new FoundWorker(w.Job, w.Attempt, $"Folder {w.Folder.Path}", MayBeForeign: w.Folder.Executions().Any(w.Folder.IsAlive)))]
        : [];

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
            var control = folder.Control(execution);
            Directory.CreateDirectory(control, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            WriteToken(folder.TokenFile(execution), tokens.Issue(execution));
            _children[execution] = Start(folder, execution);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            throw ExecutorException.Transient($"A runner can't be started in {folder.Path}: {e.Message}", e);
        }
    }

    private System.Diagnostics.Process Start(WorkerFolder folder, ExecutionId execution)
    {
        // Through a shell that leaves itself out: .NET can't start a process without handing down its own output, and a
        // reader of the server's output would wait for runners that outlive it.
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, WorkingDirectory = folder.Control(execution) };
        string[] runner = _options.RunnerPath.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", _options.RunnerPath] : [_options.RunnerPath];
        foreach (var argument in (string[])["-c", "exec \"$@\" </dev/null >>runner.log 2>&1", "runner", .. runner, "work"])
        {
            start.ArgumentList.Add(argument);
        }

        // The server's own settings, whatever they are called, are none of a runner's business.
        foreach (var name in start.Environment.Keys.Where(n => !Inherited.Contains(n)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["SHIPINATOR_URL"] = address.RunnerUrl.ToString();
        start.Environment["SHIPINATOR_EXECUTION_ID"] = execution.ToString();
        start.Environment["SHIPINATOR_TOKEN_FILE"] = folder.TokenFile(execution);
        start.Environment["SHIPINATOR_JOB_DIR"] = folder.Path;
        if (_options.CacheFolder is { } cache)
        {
            Directory.CreateDirectory(cache);
            start.Environment["SHIPINATOR_CACHE_DIR"] = cache;
        }

        // Short lives on few cores: full optimisation is not worth its time.
        start.Environment["DOTNET_TieredCompilation"] = "1";
        start.Environment["DOTNET_TC_QuickJitForLoops"] = "1";
        var process = System.Diagnostics.Process.Start(start)!;
        RunnerStarted(execution, process.Id);
        return process;
    }

    private static void WriteToken(string path, string token)
    {
        File.Delete(path);
        using var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        stream.Write(System.Text.Encoding.UTF8.GetBytes(token));
    }

    /// <summary>A child of ours that has not ended: it may not hold its lock yet.</summary>
    private bool IsStarting(ExecutionId execution) => _children.TryGetValue(execution, out var child) && !child.HasExited;

    private static bool HasLeftovers(ExecutionId execution)
    {
        var leftovers = ProcessTable.Of([execution]).Where(p => !ProcessTable.IsRunner(p)).ToList();
        ProcessTable.Kill(leftovers);
        return leftovers.Count > 0;
    }

    private void Forget(ExecutionId execution)
    {
        _cancels.TryRemove(execution, out _);
        if (_children.TryRemove(execution, out var child))
        {
            child.Dispose();
        }
    }

    /// <summary>Folders that a step made read-only can't be emptied otherwise.</summary>
    private static void MakeWritable(string path)
    {
        foreach (var folder in Directory.EnumerateDirectories(path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            var mode = File.GetUnixFileMode(folder);
            if ((mode & UnixFileMode.UserWrite) == 0)
            {
                File.SetUnixFileMode(folder, mode | UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
    }

    private static ExecutionStatus Ended(RunnerResult result, bool StillPresent) => new()
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
}
