using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Executors.Process;

namespace Shipinator.Executors.Tests;

/// <summary>The process executor with real runners.</summary>
public sealed class ProcessExecutorTests : IAsyncLifetime
{
    private readonly ExecutionSpec _spec = ProcessBench.Job()[0];
    private ProcessBench _bench = null!;

    private ExecutionHandle Handle => ProcessBench.Handle(_spec);

    private string Root => _bench.Root;

    public async ValueTask InitializeAsync() => _bench = await ProcessBench.StartAsync();

    public async ValueTask DisposeAsync() => await _bench.DisposeAsync();

    [Fact]
    public async Task Submit_Repeated_RunsOnceAndReleaseLeavesNothing()
    {
        Work($"echo once >> {Root}/count");
        var executor = Executor();
        await executor.Submit(_spec, default);
        await executor.Submit(_spec, default);
        await Executor().Submit(_spec, default);
        await _bench.Server.Reported.Task;
        Assert.Equal(Status.Success, (await UntilAsync(executor, s => s.Status.IsTerminal() && !s.StillPresent)).Status);
        await Executor().Submit(_spec, default);

        Assert.Equal(["once"], await File.ReadAllLinesAsync(Path.Combine(Root, "count")));
        Assert.Equal([(_spec.Worker.JobId, 1)], executor.FindWorkers().Select(w => (w.Job, w.Attempt)));
        await executor.Release(_spec.Worker.JobId, 1, default);
        await executor.Release(_spec.Worker.JobId, 1, default);
        Assert.Empty(Directory.EnumerateDirectories(_bench.Jobs, "ship-*", SearchOption.AllDirectories));
        Assert.Empty(ProcessTable.FindByExecution([_spec.ExecutionId]));
    }

    [Fact]
    public async Task FindWorkers_WithARunningRunner_MayBeForeign()
    {
        Work($"touch {Root}/started; while [ ! -e {Root}/go ]; do sleep 0.02; done");
        var executor = Executor();
        await executor.Submit(_spec, default);
        await FileAsync("started");
        Assert.True(Assert.Single(executor.FindWorkers()).MayBeForeign);
        await File.WriteAllTextAsync(Path.Combine(Root, "go"), "");
        await UntilAsync(executor, s => s.Status.IsTerminal() && !s.StillPresent);
        Assert.False(Assert.Single(executor.FindWorkers()).MayBeForeign);
    }

    [Fact]
    public async Task Status_ByAnotherExecutorAfterARestart_FindsTheRunnerAndItsResult()
    {
        Work($"touch {Root}/started; while [ ! -e {Root}/go ]; do sleep 0.02; done; exit 4");
        await Executor().Submit(_spec, default);
        await FileAsync("started");
        var restarted = Executor();
        Assert.Equal(Status.Running, (await restarted.Status(Handle, default)).Status);
        await File.WriteAllTextAsync(Path.Combine(Root, "go"), "");
        var end = await UntilAsync(restarted, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, (int?)4, (Reason?)Reason.ExitCode), (end.Status, end.ExitCode, end.Reason));
    }

    [Fact]
    public async Task Runner_Environment_HasNoneOfTheServersVariables()
    {
        Environment.SetEnvironmentVariable("SOMEBODYS_DATABASE_PASSWORD", "s3cret");
        Work($"touch {Root}/started; while [ ! -e {Root}/go ]; do sleep 0.02; done");
        await Executor().Submit(_spec, default);
        await FileAsync("started");
        var runner = Assert.Single(ProcessTable.FindByExecution([_spec.ExecutionId]), ProcessTable.IsRunner);
        // As root: the step itself can't.
        var names = (await File.ReadAllTextAsync($"/proc/{runner}/environ")).Split('\0').Select(l => l.Split('=')[0]).ToList();
        await File.WriteAllTextAsync(Path.Combine(Root, "go"), "");
        Environment.SetEnvironmentVariable("SOMEBODYS_DATABASE_PASSWORD", null);
        Assert.Contains("PATH", names);
        Assert.Contains("SHIPINATOR_URL", names);
        Assert.DoesNotContain("SOMEBODYS_DATABASE_PASSWORD", names);
        Assert.DoesNotContain("SHIPINATOR_TOKEN", names);
        await UntilAsync(Executor(), s => s.Status.IsTerminal() && !s.StillPresent);
    }

    [Fact]
    public async Task Status_OfAKilledRunner_IsLostAndItsCommandIsKilled()
    {
        Work($"touch {Root}/started; sleep 1000");
        var executor = Executor();
        await executor.Submit(_spec, default);
        await FileAsync("started");
        ProcessTable.Kill(ProcessTable.FindByExecution([_spec.ExecutionId]).Where(ProcessTable.IsRunner));
        var end = await UntilAsync(executor, s => s.Status.IsTerminal() && !s.StillPresent);
        Assert.Equal((Status.Failed, (Reason?)Reason.Lost), (end.Status, end.Reason));
        Assert.Empty(ProcessTable.FindByExecution([_spec.ExecutionId]));
    }

    [Fact]
    public async Task Status_NeverSubmitted_IsLostAndNeverSuccess()
    {
        var status = await Executor().Status(Handle, default);
        Assert.Equal((Status.Failed, (Reason?)Reason.Lost), (status.Status, status.Reason));
    }

    [Fact]
    public async Task Cancel_CommandThatIgnoresSigterm_IsKilledAndConfirmedWhenGone()
    {
        Work($"trap '' TERM; (trap '' TERM; touch {Root}/started; while true; do sleep 0.1; done) & wait");
        var executor = Executor(killAfter: TimeSpan.FromSeconds(1));
        await executor.Submit(_spec, default);
        await FileAsync("started");
        var deadline = TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(40);
        ExecutionStatus status;
        do
        {
            await executor.Cancel(Handle, default);
            status = await executor.Status(Handle, default);
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        } while ((!status.Status.IsTerminal() || status.StillPresent) && TimeProvider.System.GetUtcNow() < deadline);

        Assert.True(status.Status.IsTerminal());
        Assert.False(status.StillPresent);
        Assert.Empty(ProcessTable.FindByExecution([_spec.ExecutionId]));
    }

    [Fact]
    public async Task Submit_WithServices_IsRejectedWithTheReason()
    {
        var services = _spec with
        {
            Worker = _spec.Worker with
            {
                Services = ImmutableSortedDictionary<string, ServicePlan>.Empty.Add("db", new() { Image = "postgres" }),
            },
        };
        var error = await Assert.ThrowsAsync<ExecutorException>(() => Executor().Submit(services, default));
        Assert.Equal((false, Reason.ConfigError), (error.IsTransient, error.Reason));
        Assert.Contains("db", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_BeyondLoopback_AreRejectedUnlessAllowed()
    {
        var options = new ProcessExecutorOptions
        {
            Root = _bench.Jobs,
            RunnerPath = ProcessBench.RunnerPath,
            ListensBeyondLoopback = true,
        };
        var result = new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, options);
        Assert.Contains("AllowBeyondLoopback", result.FailureMessage, StringComparison.Ordinal);
        options.AllowBeyondLoopback = true;
        Assert.True(new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, options).Succeeded);
        options.RunnerPath = "/nowhere";
        Assert.Contains(
            "RunnerPath",
            new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, options).FailureMessage,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Options_SeveralServers_AreRejectedUnlessOnOneMachine()
    {
        var options = new ProcessExecutorOptions
        {
            Root = _bench.Jobs,
            RunnerPath = ProcessBench.RunnerPath,
            HasSeveralServers = true,
        };
        Assert.Contains(
            "OneMachine",
            new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, options).FailureMessage,
            StringComparison.Ordinal
        );
        options.OneMachine = true;
        Assert.True(new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, options).Succeeded);
    }

    [Fact]
    public async Task Status_PartiallyWrittenResult_IsIgnored()
    {
        var folder = new WorkerFolder(_bench.Jobs, _spec.Worker.ExternalName);
        Directory.CreateDirectory(folder.Control(_spec.ExecutionId));
        await File.WriteAllTextAsync(Path.Combine(folder.Control(_spec.ExecutionId), "result.json"), "{\"status\":\"succ");
        Assert.Equal(Reason.Lost, (await Executor().Status(Handle, default)).Reason);
    }

    [Fact]
    public void Registry_UnknownType_NamesTheConfiguredOnes()
    {
        var error = Assert.Throws<ExecutorException>(() => new ExecutorRegistry([Executor()]).Get("magic"));
        Assert.Contains("process", error.Message, StringComparison.Ordinal);
    }

    private ProcessExecutor Executor(TimeSpan? killAfter = null) => _bench.Executor(killAfter: killAfter);

    private void Work(string script) => _bench.Work(_spec, script);

    private Task FileAsync(string name) => _bench.FileAsync(name);

    private Task<ExecutionStatus> UntilAsync(ProcessExecutor executor, Func<ExecutionStatus, bool> condition) =>
        _bench.UntilAsync(executor, _spec, condition);
}
