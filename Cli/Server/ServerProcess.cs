using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Shipinator.Cli.Server;

/// <summary>The standalone server as a child process.</summary>
internal static class ServerProcess
{
    private const string Name = "Shipinator.Silo";

    /// <summary>Finds the server's program. Errors: <see cref="CliException"/> with the paths that were searched.</summary>
    public static string Find()
    {
        if (Environment.GetEnvironmentVariable("SHIPINATOR_SERVER") is { Length: > 0 } given)
        {
            var path = Path.GetFullPath(given);
            return File.Exists(path)
                ? path
                : throw new CliException(ExitCodes.Usage, $"SHIPINATOR_SERVER is {path}, but that file does not exist.");
        }

        var here = AppContext.BaseDirectory;
        // In a checkout, prefer the build configuration of this program.
        string[] configurations = here.Contains("/Release/", StringComparison.Ordinal) ? ["Release", "Debug"] : ["Debug", "Release"];
        string[] places =
        [
            Path.Combine(here, $"{Name}.dll"),
            Path.Combine(here, "server", $"{Name}.dll"),
            .. configurations.Select(c => Path.GetFullPath(Path.Combine(here, "../../../../Silo/bin", c, "net10.0", $"{Name}.dll"))),
        ];
        return places.FirstOrDefault(File.Exists)
            ?? throw new CliException(
                ExitCodes.Usage,
                $"Server program not found in: {string.Join(", ", places)}. Build it, or set SHIPINATOR_SERVER to its path."
            );
    }

    /// <summary>Runs the server with inherited output until it exits, forwarding signals; returns its exit code.</summary>
    public static async Task<int> RunAsync(string program, string? data, int? port, Action<string> note)
    {
        var isAssembly = program.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);
        var start = new ProcessStartInfo(isAssembly ? Dotnet() : program) { UseShellExecute = false };
        if (isAssembly)
        {
            start.ArgumentList.Add(program);
        }

        if (data is not null)
        {
            start.ArgumentList.Add("--data");
            start.ArgumentList.Add(Path.GetFullPath(data));
        }

        if (port is { } number)
        {
            start.ArgumentList.Add("--port");
            start.ArgumentList.Add(number.ToString(CultureInfo.InvariantCulture));
        }

        Process? child = null;
        var early = 0;
        void Forward(PosixSignalContext context)
        {
            context.Cancel = true;
            var signal = context.Signal == PosixSignal.SIGINT ? 2 : 15;
            if (Volatile.Read(ref child) is { HasExited: false } running)
            {
                _ = Kill(running.Id, signal);
            }
            else
            {
                Interlocked.Exchange(ref early, signal);
            }
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Forward);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Forward);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Forward);
        try
        {
            using var process = Process.Start(start)!;
            Volatile.Write(ref child, process);
            if (Interlocked.Exchange(ref early, 0) is var signal and not 0)
            {
                _ = Kill(process.Id, signal);
            }

            await process.WaitForExitAsync();
            if (process.ExitCode is not (0 or 2))
            {
                note($"The server exited with code {process.ExitCode.ToString(CultureInfo.InvariantCulture)}.");
            }

            Volatile.Write(ref child, null);
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CliException(ExitCodes.Usage, $"Can't start {start.FileName}: {e.Message}. Make sure that it is on the PATH.", e);
        }
    }

    /// <summary>The dotnet host that runs this program, or else the one on the PATH.</summary>
    private static string Dotnet() =>
        Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
