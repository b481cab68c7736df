using System.Diagnostics;

namespace Shipinator.Runner.Tests;

/// <summary>The runner as a pod's containers start it: one prepares, another runs the step in the image's own environment.</summary>
public sealed class ContainerTests : RunnerTest
{
    [Fact]
    public async Task Prepare_ClonesForAllUsersAndTheStepRunsInTheImagesEnvironment()
    {
        var (origin, commit) = await OriginAsync();
        var prepared = await RunAsync(
            "prepare",
            ("SHIPINATOR_CLONE_URL", origin),
            ("SHIPINATOR_CLONE_REF", "refs/heads/main"),
            ("SHIPINATOR_CLONE_COMMIT", commit)
        );
        Assert.True(prepared.Code == 0, prepared.Errors);
        Assert.True(File.GetUnixFileMode(Path.Combine(Workspace, "file")).HasFlag(UnixFileMode.OtherWrite));
        Assert.True(File.GetUnixFileMode(Path.Combine(JobFolder, "executions")).HasFlag(UnixFileMode.StickyBit | UnixFileMode.OtherWrite));

        Server.Work[ExecutionId] = Work("cat file; echo \"$FROM_IMAGE\"; env");
        var ended = await StepAsync(("FROM_IMAGE", "image's own"), ("KUBERNETES_SERVICE_HOST", "10.0.0.1"));
        Assert.True(ended.Code == 0, ended.Errors);
        Assert.StartsWith("one\nimage's own\n", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("KUBERNETES_", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("SHIPINATOR_TOKEN", Server.Log, StringComparison.Ordinal);
        var claim = Assert.Single(Server.Claims).Request;
        Assert.Equal((true, "the-job"), (claim.Prepared, claim.JobId));
    }

    [Fact]
    public async Task Prepare_MissingCommit_FailsWithGitsOutputInTheTerminationLog()
    {
        var (origin, _) = await OriginAsync();
        var note = Path.Combine(Root, "termination-log");
        await File.WriteAllTextAsync(note, "");
        var prepared = await RunAsync(
            "prepare",
            ("SHIPINATOR_CLONE_URL", origin),
            ("SHIPINATOR_CLONE_REF", "refs/heads/gone"),
            ("SHIPINATOR_CLONE_COMMIT", new string('1', 40)),
            ("SHIPINATOR_TERMINATION_LOG", note)
        );
        Assert.Equal(1, prepared.Code);
        Assert.Contains(new string('1', 40), prepared.Errors, StringComparison.Ordinal);
        Assert.Contains(new string('1', 40), await File.ReadAllTextAsync(note), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Step_WithoutAPreparedWorkspace_IsAnExecutorError()
    {
        Directory.CreateDirectory(JobFolder);
        Server.Work[ExecutionId] = Work("true");
        Assert.Equal(1, (await StepAsync()).Code);
        Assert.Equal("executor_error", Assert.Single(Server.Reports).Report.Reason);
    }

    [Theory]
    [InlineData("exit 3", 3)]
    [InlineData("true", 0)]
    [InlineData("no-such-command", 127)]
    public async Task Step_ExitCode_IsTheContainersToo(string script, int code)
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        Server.Work[ExecutionId] = Work(script);
        Assert.Equal(code, (await StepAsync()).Code);
    }

    [Fact]
    public async Task Step_FailedWithARetry_RunsTheNextExecutionWithItsToken()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        var second = Guid.CreateVersion7().ToString();
        Server.Work[ExecutionId] = Work("touch here; exit 9");
        Server.Work[second] = Work("test -e here && touch again");
        Server.Next[ExecutionId] = second;

        Assert.Equal(0, (await StepAsync()).Code);
        Assert.Equal([(ExecutionId, "failed"), (second, "success")], Server.Reports.Select(r => (r.Execution, r.Report.Status)));
        Assert.Equal("shx_of-" + second, Server.Claims.Last().Token);
        Assert.True(File.Exists(Path.Combine(Workspace, "again")), "The second attempt has another workspace.");
    }

    /// <summary>Not even by root, unless its container may trace: the runner gets the capabilities that root has in a pod.</summary>
    [Fact]
    public async Task RunnersMemory_CanNotBeReadByItsStep()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        const string capabilities =
            "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,"
            + "+sys_chroot,+mknod,+audit_write,+setfcap";
        Server.Work[ExecutionId] = Work(
            "for f in environ mem maps; do if (exec 3</proc/$PPID/$f && "
                + "head -c 1 <&3 || test $f = mem) >/dev/null 2>&1; then echo read $f; else echo hidden $f; fi; done"
        );
        using var runner = Environment.IsPrivilegedProcess
            ? Start("work", [], "setpriv", $"--bounding-set={capabilities}", "--inh-caps=-all")
            : Start("work", []);
        await WaitForExitAsync(runner);
        Assert.Equal(0, runner.ExitCode);
        Assert.Contains("hidden environ\nhidden mem\nhidden maps\n", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunnerSecret_IsSentToTheServerOnlyAndProvesTheClaim()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        var second = Guid.CreateVersion7().ToString();
        Server.Work[ExecutionId] = Work("env; cat /proc/self/environ; exit 3");
        Server.Work[second] = Work("true");
        Server.Next[ExecutionId] = second;
        await StepAsync();
        var claims = Server.Claims.ToList();
        Assert.Equal(2, claims.Count);
        Assert.Equal(claims[0].Request.Runner, Server.NextAskedBy[ExecutionId]);
        Assert.Equal(64, claims[0].Request.Runner.Length);
        Assert.NotEqual(claims[0].Request.Runner, claims[1].Request.Runner);
        Assert.DoesNotContain(claims[0].Request.Runner, Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Step_NotNeeded_ExitsWithZero() => Assert.Equal(0, (await StepAsync()).Code);

    [Fact]
    public async Task Step_TerminatedBeforeItsClaim_IsNoSuccess()
    {
        await Server.StopAsync();
        using var runner = Start("work", []);
        var lockFile = Path.Combine(JobFolder, "executions", ExecutionId, "runner.lock");
        var deadline = TimeProvider.System.GetUtcNow() + WaitLimit;
        while (!File.Exists(lockFile) && TimeProvider.System.GetUtcNow() < deadline)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }

        using var kill = Process.Start("kill", ["-TERM", runner.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await WaitForExitAsync(runner);
        Assert.Equal(143, runner.ExitCode);
        await Server.RestartAsync();
    }

    [Fact]
    public async Task Workdir_LinkOutOfTheWorkspace_IsRefused()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        Directory.CreateDirectory(Path.Combine(Root, "outside"));
        File.CreateSymbolicLink(Path.Combine(Workspace, "way-out"), Path.Combine(Root, "outside"));
        Server.Work[ExecutionId] = Work("pwd") with { Workdir = "way-out" };
        await StepAsync();
        Assert.Equal("config_error", Assert.Single(Server.Reports).Report.Reason);
    }

    [Fact]
    public void OomKills_CountGrewAndTheCommandWasKilled_IsDetected()
    {
        var events = Path.Combine(Root, "memory.events");
        File.WriteAllText(events, "low 0\noom 1\noom_kill 1\n");
        var memory = new OomKills(Path.Combine(Root, "absent"), events);
        Assert.False(memory.Killed(137));
        File.WriteAllText(events, "low 0\noom 2\noom_kill 2\n");
        Assert.True(memory.Killed(137));
        Assert.False(memory.Killed(1));
        Assert.False(new OomKills(Path.Combine(Root, "absent")).Killed(137));
    }

    private async Task<(string Origin, string Commit)> OriginAsync()
    {
        var origin = Path.Combine(Root, "origin");
        Directory.CreateDirectory(origin);
        await File.WriteAllTextAsync(Path.Combine(origin, "file"), "one\n");
        return (origin, Commit(origin, "one"));
    }

    private Task<(int Code, string Errors)> StepAsync(params (string, string)[] environment) => RunAsync("work", environment);

    private async Task<(int Code, string Errors)> RunAsync(string verb, params (string, string)[] environment)
    {
        using var runner = Start(verb, environment);
        var errors = runner.StandardError.ReadToEndAsync();
        await WaitForExitAsync(runner);
        return (runner.ExitCode, await errors);
    }

    private Process Start(string verb, (string Name, string Value)[] environment, params string[] prefix)
    {
        var start = Command(verb, ExecutionId, prefix);
        start.RedirectStandardError = true;
        start.Environment["SHIPINATOR_JOB_ID"] = "the-job";
        start.Environment["SHIPINATOR_CONTAINER"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
