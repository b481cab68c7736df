using System.Diagnostics;
using Shipinator.Client;
using Shipinator.Testing;

namespace Shipinator.Runner.Tests;

/// <summary>The set-up of tests that start the runner: a job folder, a server, and processes as executors start them.</summary>
public abstract class RunnerTest : IAsyncLifetime
{
    /// <summary>The token that every runner gets.</summary>
    protected const string Token = "shx_test-token-of-this-execution";

    /// <summary>How long a test waits for another process.</summary>
    protected static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(40);

    /// <summary>A folder of the test's own; the job folder is in it.</summary>
    protected string Root { get; } = Directory.CreateTempSubdirectory("ship-runner-").FullName;

    protected string JobFolder => Path.Combine(Root, "job");

    protected string Workspace => Path.Combine(JobFolder, "workspace");

    protected string ExecutionId { get; } = Guid.CreateVersion7().ToString();

    private protected FakeServer Server { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(JobFolder);
        Server = await FakeServer.StartAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Server.DisposeAsync();
        // Also names that .NET can't open.
        FileTree.Remove(Root);
    }

    /// <summary>What a claim gives, with defaults for all that a test does not care about.</summary>
    protected internal static ClaimResponse Work(string script, params IReadOnlyList<OutputResponse> outputs) =>
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
            Outputs = outputs,
        };

    /// <summary>Runs the work in a runner process; returns what it reported.</summary>
    protected async Task<StatusReport> RunAsync(ClaimResponse work, params string[] prefix)
    {
        Server.Work[ExecutionId] = work;
        using var runner = Start(prefix);
        var report = await Server.Reported.Task.WaitAsync(WaitLimit);
        await WaitForExitAsync(runner);
        return report;
    }

    /// <summary>The runner's own code in this process, in a workspace that is new; the step is a process as always.</summary>
    private protected async Task<StatusReport> RunInProcessAsync(Func<RunnerSettings, RunnerSettings>? change = null)
    {
        var settings = new RunnerSettings(Server.Url, ExecutionId, Token, JobFolder);
        if (Directory.Exists(settings.Workspace))
        {
            FileTree.Remove(settings.Workspace);
            FileTree.Remove(settings.Control);
            File.Delete(Path.Combine(JobFolder, "prepared"));
        }

        Directory.CreateDirectory(settings.Control);
        using var files = await ExecutorFiles.TakeAsync(settings);
        using var runner = new ExecutionRunner(change?.Invoke(settings) ?? settings, files!, TimeProvider.System);
        await runner.RunAsync().WaitAsync(WaitLimit);
        return runner.Reported!;
    }

    /// <summary>Starts <c>runner work</c> for the test's execution.</summary>
    protected Process Start(params string[] prefix) => Process.Start(Command("work", ExecutionId, prefix))!;

    /// <summary>The runner as an executor starts it; <paramref name="prefix"/> is a program that starts it in turn.</summary>
    protected ProcessStartInfo Command(string verb, string executionId, params string[] prefix)
    {
        string[] command = [.. prefix, "dotnet", FakeServer.Program, verb];
        var start = new ProcessStartInfo(command[0], command[1..]);
        SetEnvironment(start, Server.Url, executionId, JobFolder);
        return start;
    }

    protected static void SetEnvironment(ProcessStartInfo start, Uri server, string executionId, string jobFolder)
    {
        start.Environment["SHIPINATOR_URL"] = server.ToString();
        start.Environment["SHIPINATOR_EXECUTION_ID"] = executionId;
        start.Environment["SHIPINATOR_TOKEN"] = Token;
        start.Environment["SHIPINATOR_JOB_DIR"] = jobFolder;
    }

    protected static async Task WaitForExitAsync(Process process)
    {
        using var limit = new CancellationTokenSource(WaitLimit);
        await process.WaitForExitAsync(limit.Token);
    }

    protected static string Git(string folder, params string[] arguments) => GitHttpServer.Git(folder, arguments);

    /// <summary>Makes the folder a repository with one commit of what is in it, or commits again; returns the commit.</summary>
    protected static string Commit(string folder, string message)
    {
        if (!Directory.Exists(Path.Combine(folder, ".git")))
        {
            Git(folder, "init", "-q", "-b", "main");
        }

        Git(folder, "add", "-A");
        Git(folder, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", message);
        return Git(folder, "rev-parse", "HEAD");
    }
}
