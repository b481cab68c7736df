using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Shipinator.Cli.Tests;

/// <summary>The exit code and output of a program.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error);

/// <summary>Runs the real command line as a process, in a temporary home folder without a configured server.</summary>
internal sealed class Shell : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public string Folder { get; } = Directory.CreateTempSubdirectory("shipinator-cli-").FullName;

    public Dictionary<string, string?> Environment { get; } = [];

    public Task<Outcome> RunAsync(params string[] arguments) => FinishAsync(Start(arguments));

    public Process Start(params string[] arguments) =>
        StartProgram("dotnet", [Path.Combine(AppContext.BaseDirectory, "shipinator.dll"), .. arguments]);

    /// <summary>Starts any program in the same home folder.</summary>
    public Process StartProgram(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Folder,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("SHIPINATOR", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["HOME"] = Folder;
        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(Folder, "config");
        start.Environment["XDG_DATA_HOME"] = Path.Combine(Folder, "data");
        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    public static async Task<Outcome> FinishAsync(Process process)
    {
        using (process)
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            try
            {
                await process.WaitForExitAsync().WaitAsync(Deadline);
            }
            catch (TimeoutException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }

            return new(process.ExitCode, await output, await error);
        }
    }

    /// <summary>Creates a repository with one commit and returns its folder.</summary>
    public async Task<string> MakeRepositoryAsync(string? pipelineFile)
    {
        var folder = Path.Combine(Folder, "shop");
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "README"), "hello\n");
        if (pipelineFile is not null)
        {
            await File.WriteAllTextAsync(Path.Combine(folder, ".shipinator.yaml"), pipelineFile);
        }

        await GitAsync(folder, "init", "-q", "-b", "main");
        await GitAsync(folder, "add", "-A");
        await GitAsync(folder, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "first");
        return folder;
    }

    public static void Signal(Process process, int signal) => Assert.Equal(0, Kill(process.Id, signal));

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static async Task GitAsync(string folder, params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder })!;
        await git.WaitForExitAsync();
        Assert.Equal(0, git.ExitCode);
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
