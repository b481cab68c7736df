using System.Diagnostics;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>The runner as a pod's containers start it: prepared by one, work by another, in the image's own environment.</summary>
public sealed class ContainerTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly string _root = Directory.CreateTempSubdirectory("ship-pod-").FullName;
    private readonly string _id = Guid.CreateVersion7().ToString();
    private FakeServer _server = null!;

    private string Job => Path.Combine(_root, "job");

    public async ValueTask InitializeAsync() => _server = await FakeServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task Prepare_ClonesAndOpensTheWorkspaceAndTheStepRunsThereInTheImagesEnvironment()
    {
        var (origin, commit) = await OriginAsync();
        var prepared = await RunAsync(
            "prepare",
            ("SHIPINATOR_CLONE_URL", origin),
            ("SHIPINATOR_CLONE_REF", "refs/heads/main"),
            ("SHIPINATOR_CLONE_COMMIT", commit)
        );
        Assert.True(prepared.Code == 0, prepared.Words);
        Assert.True(File.GetUnixFileMode(Path.Combine(Job, "workspace", "file")).HasFlag(UnixFileMode.OtherWrite));
        Assert.True(File.GetUnixFileMode(Path.Combine(Job, "executions")).HasFlag(UnixFileMode.StickyBit | UnixFileMode.OtherWrite));

        _server.Work[_id] = Work("cat file; echo \"$FROM_IMAGE\"; env");
        var ended = await StepAsync(("FROM_IMAGE", "image's own"), ("KUBERNETES_SERVICE_HOST", "10.0.0.1"));
        Assert.True(ended.Code == 0, ended.Words);
        Assert.StartsWith("one\nimage's own\n", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("KUBERNETES_", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("SHIPINATOR_TOKEN", _server.Log, StringComparison.Ordinal);
        var claim = Assert.Single(_server.Claims).Request;
        Assert.Equal((true, "the-job"), (claim.Prepared, claim.JobId));
    }

    [Fact]
    public async Task Prepare_CommitThatIsNotThere_FailsInGitsWordsAndTellsThePod()
    {
        var (origin, _) = await OriginAsync();
        var note = Path.Combine(_root, "termination-log");
        await File.WriteAllTextAsync(note, "");
        var prepared = await RunAsync(
            "prepare",
            ("SHIPINATOR_CLONE_URL", origin),
            ("SHIPINATOR_CLONE_REF", "refs/heads/gone"),
            ("SHIPINATOR_CLONE_COMMIT", new string('1', 40)),
            ("SHIPINATOR_TERMINATION_LOG", note)
        );
        Assert.Equal(1, prepared.Code);
        Assert.Contains(new string('1', 40), prepared.Words, StringComparison.Ordinal);
        Assert.Contains(new string('1', 40), await File.ReadAllTextAsync(note), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Step_WithoutAPreparedWorkspace_IsTheExecutorsError()
    {
        Directory.CreateDirectory(Job);
        _server.Work[_id] = Work("true");
        Assert.Equal(1, (await StepAsync()).Code);
        Assert.Equal("executor_error", Assert.Single(_server.Reports).Report.Reason);
    }

    [Theory]
    [InlineData("exit 3", 3)]
    [InlineData("true", 0)]
    [InlineData("no-such-command", 127)]
    public async Task Step_ExitCode_IsTheContainersToo(string script, int code)
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        _server.Work[_id] = Work(script);
        Assert.Equal(code, (await StepAsync()).Code);
    }

    [Fact]
    public async Task Step_FailedAndTriedAgain_RunsTheNextExecutionWithItsToken()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        var second = Guid.CreateVersion7().ToString();
        _server.Work[_id] = Work("touch here; exit 9");
        _server.Work[second] = Work("test -e here && touch again");
        _server.Next[_id] = second;

        Assert.Equal(0, (await StepAsync()).Code);
        Assert.Equal([(_id, "failed"), (second, "success")], _server.Reports.Select(r => (r.Execution, r.Report.Status)));
        Assert.Equal("shx_of-" + second, _server.Claims.Last().Token);
        Assert.True(File.Exists(Path.Combine(Job, "workspace", "again")), "The second try has another workspace.");
    }

    /// <summary>Also root can't, unless its container may trace: the runner is started with the rights that root has in a pod.</summary>
    [Fact]
    public async Task RunnersMemory_CantBeReadByItsStep()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        const string rights =
            "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap";
        _server.Work[_id] = Work(
            "for f in environ mem maps; do if (exec 3</proc/$PPID/$f && head -c 1 <&3 || test $f = mem) >/dev/null 2>&1; then echo read $f; else echo hidden $f; fi; done"
        );
        using var runner = Environment.IsPrivilegedProcess
            ? Start("work", [], "setpriv", $"--bounding-set={rights}", "--inh-caps=-all")
            : Start("work", []);
        await runner.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        Assert.Equal(0, runner.ExitCode);
        Assert.Contains("hidden environ\nhidden mem\nhidden maps\n", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Runner_TellsItsNameToTheServerAlone_AndProvesByItThatItClaimed()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        var second = Guid.CreateVersion7().ToString();
        _server.Work[_id] = Work("env; cat /proc/self/environ; exit 3");
        _server.Work[second] = Work("true");
        _server.Next[_id] = second;
        await StepAsync();
        var claims = _server.Claims.ToList();
        Assert.Equal(2, claims.Count);
        Assert.Equal(claims[0].Request.Runner, _server.NextAskedBy[_id]);
        Assert.Equal(64, claims[0].Request.Runner.Length);
        Assert.NotEqual(claims[0].Request.Runner, claims[1].Request.Runner);
        Assert.DoesNotContain(claims[0].Request.Runner, _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Step_NotNeeded_EndsWithZero() => Assert.Equal(0, (await StepAsync()).Code);

    [Fact]
    public async Task Step_StoppedBeforeItHadWork_IsNoSuccess()
    {
        await _server.GoAwayAsync();
        using var runner = Start("work", []);
        var lockFile = Path.Combine(Job, "executions", _id, "runner.lock");
        var deadline = TimeProvider.System.GetUtcNow() + Patience;
        while (!File.Exists(lockFile) && TimeProvider.System.GetUtcNow() < deadline)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }

        using var kill = Process.Start("kill", ["-TERM", runner.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await runner.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        Assert.Equal(143, runner.ExitCode);
        await _server.ComeBackAsync();
    }

    [Fact]
    public async Task Workdir_LinkOutOfTheWorkspace_IsRefused()
    {
        Assert.Equal(0, (await RunAsync("prepare")).Code);
        Directory.CreateDirectory(Path.Combine(_root, "outside"));
        File.CreateSymbolicLink(Path.Combine(Job, "workspace", "way-out"), Path.Combine(_root, "outside"));
        _server.Work[_id] = Work("pwd") with { Workdir = "way-out" };
        await StepAsync();
        Assert.Equal("config_error", Assert.Single(_server.Reports).Report.Reason);
    }

    [Fact]
    public void OutOfMemory_CountGrewAndTheCommandWasKilled_IsTold()
    {
        var events = Path.Combine(_root, "memory.events");
        File.WriteAllText(events, "low 0\noom 1\noom_kill 1\n");
        var memory = new OutOfMemory(Path.Combine(_root, "absent"), events);
        Assert.False(memory.Killed(137));
        File.WriteAllText(events, "low 0\noom 2\noom_kill 2\n");
        Assert.True(memory.Killed(137));
        Assert.False(memory.Killed(1));
        Assert.False(new OutOfMemory(Path.Combine(_root, "absent")).Killed(137));
    }

    private static ClaimResponse Work(string script) =>
        new()
        {
            ExecutionId = "x",
            StepName = "step",
            JobId = "j",
            JobAttempt = 1,
            Script = script,
            Env = new Dictionary<string, string>(),
            Secrets = new Dictionary<string, string>(),
            TimeoutSeconds = 60,
            GraceSeconds = 5,
            Inputs = [],
            Outputs = [],
        };

    private async Task<(string Origin, string Commit)> OriginAsync()
    {
        var origin = Path.Combine(_root, "origin");
        Directory.CreateDirectory(origin);
        await File.WriteAllTextAsync(Path.Combine(origin, "file"), "one\n");
        Git(origin, "init", "-q", "-b", "main");
        Git(origin, "add", "-A");
        Git(origin, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "one");
        return (origin, Git(origin, "rev-parse", "HEAD"));
    }

    private Task<(int Code, string Words)> StepAsync(params (string, string)[] environment) => RunAsync("work", environment);

    private async Task<(int Code, string Words)> RunAsync(string verb, params (string, string)[] environment)
    {
        using var runner = Start(verb, environment);
        var words = runner.StandardError.ReadToEndAsync();
        await runner.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        return (runner.ExitCode, await words);
    }

    private Process Start(string verb, (string Name, string Value)[] environment, params string[] before)
    {
        string[] command = [.. before, "dotnet", FakeServer.Program, verb];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true };
        start.Environment["SHIPINATOR_URL"] = _server.Url.ToString();
        start.Environment["SHIPINATOR_EXECUTION_ID"] = _id;
        start.Environment["SHIPINATOR_TOKEN"] = "shx_test-token-of-this-execution";
        start.Environment["SHIPINATOR_JOB_DIR"] = Job;
        start.Environment["SHIPINATOR_JOB_ID"] = "the-job";
        start.Environment["SHIPINATOR_CONTAINER"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static string Git(string folder, params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return output.Trim();
    }
}
