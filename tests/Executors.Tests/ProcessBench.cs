using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Shipinator.Client;
using Shipinator.Executors.Process;
using Shipinator.Runner.Tests;

namespace Shipinator.Executors.Tests;

/// <summary>The process executor with real runners, real users and a server that gives them their work.</summary>
public sealed class ProcessBench : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private ProcessBench(FakeServer server) => Server = server;

    public static string RunnerPath => FakeServer.Program;

    /// <summary>A folder in which everybody may leave marks.</summary>
    public string Root { get; } = Shared();

    /// <summary>The executor's folder.</summary>
    public string Jobs => Path.Combine(Root, "work");

    public FakeServer Server { get; }

    public static async Task<ProcessBench> StartAsync() => new(await FakeServer.StartAsync());

    internal ProcessExecutorOptions Settings(bool asServer = false, string? jobs = null) =>
        new()
        {
            Root = jobs ?? Jobs,
            RunnerPath = RunnerPath,
            CacheFolder = Path.Combine(Root, "cache"),
            RunAsServerUser = asServer,
        };

    internal ProcessExecutor Executor(
        bool asServer = false,
        TimeSpan? killAfter = null,
        string? jobs = null,
        ILogger<ProcessExecutor>? logger = null
    )
    {
        var settings = Settings(asServer, jobs);
        settings.KillAfter = killAfter ?? settings.KillAfter;
        return new(
            Options.Create(settings),
            new Tokens(),
            new Address(Server.Url),
            TimeProvider.System,
            logger ?? NullLogger<ProcessExecutor>.Instance
        );
    }

    /// <summary>A job with so many steps; the answers are the specs of its steps' first executions.</summary>
    public static ExecutionSpec[] Job(int steps = 1, RepositoryId? repository = null, SourceSpec? source = null)
    {
        var time = TimeProvider.System;
        var all = Enumerable
            .Range(1, steps)
            .Select(i => new WorkerStep(StepId.New(time), ExecutionId.New(time), $"step {i}", "none", null))
            .ToImmutableArray();
        var worker = new WorkerSpec
        {
            ProjectId = ProjectId.New(time),
            RepositoryId = repository ?? RepositoryId.New(time),
            RunId = RunId.New(time),
            JobId = JobId.New(time),
            Attempt = 1,
            Source = source,
            Steps = all,
            Timeout = TimeSpan.FromMinutes(5),
        };
        return
        [
            .. all.Select(
                (s, i) =>
                    new ExecutionSpec
                    {
                        ExecutionId = s.FirstExecutionId,
                        StepId = s.StepId,
                        StepName = s.Name,
                        Attempt = 1,
                        Image = "none",
                        Script = "true",
                        Env = ImmutableSortedDictionary<string, string>.Empty,
                        Timeout = TimeSpan.FromMinutes(1),
                        Worker = worker,
                        JoinsWorker = i > 0,
                    }
            ),
        ];
    }

    public static ExecutionHandle Handle(ExecutionSpec spec) => ExecutionHandle.Of(spec, "process");

    public string Folder(ExecutionSpec spec) => Path.Combine(Jobs, spec.Worker.ExternalName);

    /// <summary>What the server answers to the execution's claim.</summary>
    public void Work(ExecutionSpec spec, string script, CacheResponse? cache = null) =>
        Server.Work[spec.ExecutionId.ToString()] = new ClaimResponse
        {
            ExecutionId = spec.ExecutionId.ToString(),
            StepName = spec.StepName,
            JobId = spec.Worker.JobId.ToString(),
            JobAttempt = 1,
            Script = script,
            Env = new Dictionary<string, string> { ["SHIPINATOR_EXECUTION_ID"] = spec.ExecutionId.ToString() },
            Secrets = new Dictionary<string, string>(),
            TimeoutSeconds = 600,
            GraceSeconds = 0.3,
            Inputs = [],
            Outputs = [],
            Cache = cache,
            Source = spec.Worker.Source is { } s
                ? new()
                {
                    CloneUrl = s.CloneUrl,
                    Ref = s.Ref,
                    Commit = s.Commit,
                }
                : null,
        };

    /// <summary>Submits an execution and waits for its end.</summary>
    internal async Task<ExecutionStatus> RunAsync(ProcessExecutor executor, ExecutionSpec spec, string script, CacheResponse? cache = null)
    {
        Work(spec, script, cache);
        await executor.Submit(spec, default);
        return await UntilAsync(executor, spec, s => s.Status.IsTerminal() && !s.StillPresent);
    }

    public Task FileAsync(string name) => WatchAsync(() => Task.FromResult(File.Exists(Path.Combine(Root, name))), name);

    internal async Task<ExecutionStatus> UntilAsync(ProcessExecutor executor, ExecutionSpec spec, Func<ExecutionStatus, bool> condition)
    {
        ExecutionStatus last = null!;
        await WatchAsync(async () => condition(last = await executor.Status(Handle(spec), default)), "the status");
        return last;
    }

    /// <summary>Other processes are watched: there is no event to wait for.</summary>
    public static async Task WatchAsync(Func<Task<bool>> condition, string what)
    {
        var deadline = TimeProvider.System.GetUtcNow() + Patience;
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"{what} did not come.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync()
    {
        var executor = Executor();
        foreach (var worker in executor.FindWorkers())
        {
            await executor.Release(worker.Job, worker.Attempt, default);
        }

        await Server.DisposeAsync();
        await FolderRemoval.RemoveAsync(Root, default);
    }

    private static string Shared()
    {
        var folder = Directory.CreateTempSubdirectory("ship-work-").FullName;
        File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
        return folder;
    }

    private sealed class Tokens : IExecutionTokens
    {
        public string Issue(ExecutionId execution) => "shx_" + execution;

        public ExecutionId? Verify(string token) => null;
    }

    private sealed record Address(Uri PublicUrl) : IServerAddress
    {
        public Uri RunnerUrl => PublicUrl;
    }
}
