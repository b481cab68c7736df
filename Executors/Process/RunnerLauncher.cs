using System.Diagnostics;
using System.Globalization;

namespace Shipinator.Executors.Process;

/// <summary>Starts runners, as the job's user where jobs have separate users.</summary>
internal sealed class RunnerLauncher(ProcessExecutorOptions options, IExecutionTokens tokens, IServerAddress address)
{
    /// <summary>
    /// A shell that replaces itself: .NET can't start a process without passing on its own output, and a reader of the server's output
    /// would wait for runners that outlive it. The executor's files are opened here and inherited open, so that no other process of the
    /// job's user can access them; the server's own umask does not apply to a build.
    /// </summary>
    private const string Shell = "umask 022; exec >>runner.log 2>&1 3>>runner.lock 4>>result.json; cd \"$1\" || exit 1; shift; exec \"$@\"";

    private static readonly HashSet<string> Inherited = new(StringComparer.Ordinal)
    {
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "DOTNET_ROOT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    };

    private readonly Lazy<RunnerProgram> _program = new(() =>
        options.IsIsolated ? RunnerProgram.Install(options) : RunnerProgram.InPlace(options)
    );

    /// <summary>
    /// Errors: <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>, <see cref="System.ComponentModel.Win32Exception"/>.
    /// </summary>
    public System.Diagnostics.Process Start(WorkerFolder folder, ExecutionId execution, uint? user)
    {
        var control = folder.Control(execution);
        Directory.CreateDirectory(control, WorkerFolder.OwnerOnly);
        var start = new ProcessStartInfo("/bin/sh")
        {
            UseShellExecute = false,
            WorkingDirectory = control,
            RedirectStandardInput = true,
        };
        string[] prefix = user is { } own ? StepUsers.Prefix(own) : [];
        foreach (
            var argument in (string[])
                ["-c", Shell, "runner", folder.Path, .. prefix, .. _program.Value.Command, "work", execution.ToString()]
        )
        {
            start.ArgumentList.Add(argument);
        }

        Fill(start.Environment, folder, execution, user);
        var process = System.Diagnostics.Process.Start(start)!;
        try
        {
            // Not on disk and not in the environment: once the runner has read it, no one else can.
            process.StandardInput.Write(tokens.Issue(execution));
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The runner exited immediately; Status reports it, as for every runner that ended.
        }

        return process;
    }

    private void Fill(IDictionary<string, string?> environment, WorkerFolder folder, ExecutionId execution, uint? user)
    {
        // The server's own environment must not leak into a runner.
        foreach (var name in environment.Keys.Where(n => !Inherited.Contains(n)).ToList())
        {
            environment.Remove(name);
        }

        environment["SHIPINATOR_URL"] = address.RunnerUrl.ToString();
        environment["SHIPINATOR_EXECUTION_ID"] = execution.ToString();
        environment["SHIPINATOR_TOKEN_STDIN"] = "1";
        environment["SHIPINATOR_LOCK_FD"] = "3";
        environment["SHIPINATOR_RESULT_FD"] = "4";
        environment["SHIPINATOR_JOB_DIR"] = folder.Path;
        environment["SHIPINATOR_CACHE_MAX_BYTES"] = options.CacheBytes.ToString(CultureInfo.InvariantCulture);
        if (options.CacheFolder is { } cache)
        {
            environment["SHIPINATOR_CACHE_DIR"] = user is null ? cache : JobFolders.Cache(folder.Path);
        }

        if (Directory.Exists(folder.Source))
        {
            environment["SHIPINATOR_SOURCE_DIR"] = folder.Source;
        }

        if (user is not null)
        {
            environment["HOME"] = JobFolders.Home(folder.Path);
            environment["TMPDIR"] = JobFolders.Temporary(folder.Path);
            environment["USER"] = "shipinator";
            if (_program.Value.DotnetRoot is { } dotnet)
            {
                environment["DOTNET_ROOT"] = dotnet;
            }
        }

        // The diagnostics port is open to every process of the same user.
        environment["DOTNET_EnableDiagnostics"] = "0";
        // Runners live briefly on few cores: full optimization is not worth its time.
        environment["DOTNET_TieredCompilation"] = "1";
        environment["DOTNET_TC_QuickJitForLoops"] = "1";
    }
}
