using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Shipinator.Cli.Server;

/// <summary>The standalone server as a child of this program.</summary>
internal static class ServerProcess
{
    private const string Name = "Shipinator.Silo";

    /// <summary>The server's program. Errors: <see cref="CliException"/> names the places that were looked at.</summary>
    public static string Find()
    {
        if (Environment.GetEnvironmentVariable("SHIPINATOR_SERVER") is { Length: > 0 } given)
        {
            var path = Path.GetFullPath(given);
            return File.Exists(path)
                ? path
                : throw new CliException(ExitCodes.Usage, $"SHIPINATOR_SERVER names {path}, which is not there.");
        }

        var here = AppContext.BaseDirectory;
        // In a checkout the configuration that this program was built in comes first.
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
                $"The server's program is not there. Looked at: {string.Join(", ", places)}. Build it, or set SHIPINATOR_SERVER to it."
            );
    }

    /// <summary>Runs it with the same output until it ends, passing signals on; its exit code.</summary>
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
        void Pass(PosixSignalContext context)
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

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Pass);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Pass);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Pass);
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
                note($"The server ended with exit code {process.ExitCode.ToString(CultureInfo.InvariantCulture)}.");
            }

            Volatile.Write(ref child, null);
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CliException(ExitCodes.Usage, $"{start.FileName} can't be started: {e.Message}. It must be on the PATH.", e);
        }
    }

    /// <summary>The very host that runs this program, if it is one.</summary>
    private static string Dotnet() =>
        Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
