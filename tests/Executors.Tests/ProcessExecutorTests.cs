using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Shipinator.Client;
using Shipinator.Executors.Process;
using Shipinator.Runner.Tests;

namespace Shipinator.Executors.Tests;

/// <summary>The process executor with real runners.</summary>
public sealed class ProcessExecutorTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly string _root = Directory.CreateTempSubdirectory("ship-work-").FullName;
    private readonly ExecutionSpec _spec = Spec();
    private FakeServer _server = null!;

    private ExecutionHandle Handle => new("process", "x", _spec.ExecutionId, _spec.Worker.JobId, 1, _spec.StepId);

    public async ValueTask InitializeAsync() => _server = await FakeServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await Executor().Release(_spec.Worker.JobId, 1, default);
        await _server.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task Submit_Repeated_RunsOnceAndReleaseLeavesNothing()
    {
        Work($"echo once >> {_root}/count");
        var executor = Executor();
        await executor.Submit(_spec, default);
        await executor.Submit(_spec, default);
        await Executor().Submit(_spec, default);
        await _server.Reported.Task.WaitAsync(Patience);
        Assert.Equal(Status.Success, (await UntilAsync(executor, s => s.Status.IsTerminal() && !s.StillPresent)).Status);
        await Executor().Submit(_spec, default);

        Assert.Equal(["once"], await File.ReadAllLinesAsync(Path.Combine(_root, "count")));
        Assert.Equal([(_spec.Worker.JobId, 1)], executor.FindWorkers().Select(w => (w.Job, w.Attempt)));
        await executor.Release(_spec.Worker.JobId, 1, default);
        await executor.Release(_spec.Worker.JobId, 1, default);
        Assert.Empty(Directory.EnumerateDirectories(_root));
        Assert.Empty(ProcessTable.Of([_spec.ExecutionId]));
    }

    [Fact]
    public async Task FindWorkers_OneInWhichARunnerIsAtWork_MayBeAnotherInstallations()
    {
        Work($"touch {_root}/started; while [ ! -e {_root}/go ]; do sleep 0.02; done");
        var executor = Executor();
        await executor.Submit(_spec, default);
        await FileAsync("started");
        Assert.True(Assert.Single(executor.FindWorkers()).MayBeForeign);
        await File.WriteAllTextAsync(Path.Combine(_root, "go"), "");
        await UntilAsync(executor, s => s.Status.IsTerminal() && !s.StillPresent);
        Assert.False(Assert.Single(executor.FindWorkers()).MayBeForeign);
    }

    [Fact]
    public async Task Status_ByAnotherExecutorAfterARestart_FindsTheRunnerAndItsResult()
    {
        Work($"touch {_root}/started; while [ ! -e {_root}/go ]; do sleep 0.02; done; exit 4");
        await Executor().Submit(_spec, default);
        await FileAsync("started");
        var restarted = Executor();
        Assert.Equal(Status.Running, (await restarted.Status(Handle, default)).Status);
        await File.WriteAllTextAsync(Path.Combine(_root, "go"), "");
        var end = await UntilAsync(restarted, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, (int?)4, (Reason?)Reason.ExitCode), (end.Status, end.ExitCode, end.Reason));
    }

    [Fact]
    public async Task Runner_OfTheServersOwnVariables_GetsNone()
    {
        Environment.SetEnvironmentVariable("SOMEBODYS_DATABASE_PASSWORD", "s3cret");
        Work($"tr '\\0' '\\n' < /proc/$PPID/environ > {_root}/environment; touch {_root}/started");
        await Executor().Submit(_spec, default);
        await FileAsync("started");
        var names = (await File.ReadAllLinesAsync(Path.Combine(_root, "environment"))).Select(l => l.Split('=')[0]).ToList();
        Environment.SetEnvironmentVariable("SOMEBODYS_DATABASE_PASSWORD", null);
        Assert.Contains("PATH", names);
        Assert.Contains("SHIPINATOR_URL", names);
        Assert.DoesNotContain("SOMEBODYS_DATABASE_PASSWORD", names);
        await UntilAsync(Executor(), s => s.Status.IsTerminal() && !s.StillPresent);
    }

    [Fact]
    public async Task Status_OfAKilledRunner_IsLostAndItsCommandIsEnded()
    {
        Work($"touch {_root}/started; sleep 1000");
        var executor = Executor();
        await executor.Submit(_spec, default);
        await FileAsync("started");
        ProcessTable.Kill(ProcessTable.Of([_spec.ExecutionId]).Where(ProcessTable.IsRunner));
        var end = await UntilAsync(executor, s => s.Status.IsTerminal() && !s.StillPresent);
        Assert.Equal((Status.Failed, (Reason?)Reason.Lost), (end.Status, end.Reason));
        Assert.Empty(ProcessTable.Of([_spec.ExecutionId]));
    }

    [Fact]
    public async Task Status_OfWhatWasNeverSubmitted_IsLostNeverSuccess()
    {
        var status = await Executor().Status(Handle, default);
        Assert.Equal((Status.Failed, (Reason?)Reason.Lost), (status.Status, status.Reason));
    }

    [Fact]
    public async Task Cancel_ReachesWhatIgnoresSigtermAndIsConfirmedByAbsence()
    {
        Work($"trap '' TERM; (trap '' TERM; touch {_root}/started; while true; do sleep 0.1; done) & wait");
        var executor = Executor(killAfter: TimeSpan.FromSeconds(1));
        await executor.Submit(_spec, default);
        await FileAsync("started");
        var deadline = TimeProvider.System.GetUtcNow() + Patience;
        ExecutionStatus status;
        do
        {
            await executor.Cancel(Handle, default);
            status = await executor.Status(Handle, default);
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
        while ((!status.Status.IsTerminal() || status.StillPresent) && TimeProvider.System.GetUtcNow() < deadline);

        Assert.True(status.Status.IsTerminal());
        Assert.False(status.StillPresent);
        Assert.Empty(ProcessTable.Of([_spec.ExecutionId]));
    }

    [Fact]
    public async Task Submit_WithServices_IsRejectedWithTheReason()
    {
        var services = _spec with { Worker = _spec.Worker with { Services = ImmutableSortedDictionary<string, ServicePlan>.Empty.Add("db", new() { Image = "postgres" }) } };
        var error = await Assert.ThrowsAsync<ExecutorException>(() => Executor().Submit(services, default));
        Assert.Equal((false, Reason.ConfigError), (error.IsTransient, error.Reason));
        Assert.Contains("db", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_BeyondLoopback_AreRefusedUnlessTheOperatorSaysSo()
    {
        var options = new ProcessExecutorOptions { Root = _root, RunnerPath = RunnerPath, ListensBeyondLoopback = true };
        var result = new ProcessExecutorOptionsValidator().Validate(null, options);
        Assert.Contains("AllowBeyondLoopback", result.FailureMessage, StringComparison.Ordinal);
        options.AllowBeyondLoopback = true;
        Assert.True(new ProcessExecutorOptionsValidator().Validate(null, options).Succeeded);
        options.RunnerPath = "/nowhere";
        Assert.Contains("RunnerPath", new ProcessExecutorOptionsValidator().Validate(null, options).FailureMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void Registry_AnUnknownType_NamesTheKnownOnes()
    {
        var error = Assert.Throws<ExecutorException>(() => new ExecutorRegistry([Executor()]).Get("magic"));
        Assert.Contains("process", error.Message, StringComparison.Ordinal);
    }

    private static string RunnerPath => FakeServer.Program;

    private ProcessExecutor Executor(TimeSpan? killAfter = null) => new(
        Options.Create(new ProcessExecutorOptions { Root = _root, RunnerPath = RunnerPath, KillAfter = killAfter ?? TimeSpan.FromSeconds(15) }),
        new Tokens(), new Address(_server.Url), TimeProvider.System, NullLogger<ProcessExecutor>.Instance);

    private void Work(string script) => _server.Work[_spec.ExecutionId.ToString()] = new ClaimAnswer
    {
        ExecutionId = _spec.ExecutionId.ToString(),
        StepName = "step",
        JobId = _spec.Worker.JobId.ToString(),
        JobAttempt = 1,
        Script = script,
        Env = new Dictionary<string, string> { ["SHIPINATOR_EXECUTION_ID"] = _spec.ExecutionId.ToString() },
        Secrets = new Dictionary<string, string>(),
        TimeoutSeconds = 600,
        GraceSeconds = 0.3,
        Inputs = [],
        Outputs = [],
    };

    private Task FileAsync(string name) => WatchAsync(() => Task.FromResult(File.Exists(Path.Combine(_root, name))), name);

    private async Task<ExecutionStatus> UntilAsync(ProcessExecutor executor, Func<ExecutionStatus, bool> condition)
    {
        ExecutionStatus last = null!;
        await WatchAsync(async () => condition(last = await executor.Status(Handle, default)), "the status");
        return last;
    }

    /// <summary>Other processes are watched: there is no event to wait for.</summary>
    private static async Task WatchAsync(Func<Task<bool>> condition, string what)
    {
        var deadline = TimeProvider.System.GetUtcNow() + Patience;
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"{what} did not come.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    private static ExecutionSpec Spec()
    {
        var time = TimeProvider.System;
        var (execution, step) = (ExecutionId.New(time), StepId.New(time));
        return new()
        {
            ExecutionId = execution,
            StepId = step,
            StepName = "step",
            Attempt = 1,
            Image = "none",
            Script = "true",
            Env = ImmutableSortedDictionary<string, string>.Empty,
            Timeout = TimeSpan.FromMinutes(1),
            Worker = new()
            {
                ProjectId = ProjectId.New(time),
                RepositoryId = RepositoryId.New(time),
                RunId = RunId.New(time),
                JobId = JobId.New(time),
                Attempt = 1,
                Steps = [new(step, execution, "step", "none", null)],
                Timeout = TimeSpan.FromMinutes(5),
            },
        };
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
