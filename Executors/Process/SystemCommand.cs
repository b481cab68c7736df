using System.Diagnostics;

namespace Shipinator.Executors.Process;

/// <summary>Runs a small program of this machine and waits for its end.</summary>
internal static class SystemCommand
{
    /// <summary>
    /// Returns the exit code and the first 2000 characters of the output. Errors: <see cref="IOException"/> when it can't be started.
    /// </summary>
    public static async Task<(int Code, string Output)> RunAsync(
        IReadOnlyList<string> command,
        CancellationToken cancellationToken,
        params (string Name, string Value)[] environment
    )
    {
        const int MaxOutput = 2000;
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        // The server's own environment must not leak into the program.
        start.Environment.Clear();
        start.Environment["PATH"] =
            Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        start.Environment["LC_ALL"] = "C";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        System.Diagnostics.Process process;
        try
        {
            process = System.Diagnostics.Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new IOException($"{command[0]} could not be started: {e.Message}.", e);
        }

        using (process)
        {
            process.StandardInput.Close();
            var output = "";
            async Task ReadAsync(StreamReader from)
            {
                while (await from.ReadLineAsync(cancellationToken) is { } line)
                {
                    lock (start)
                    {
                        output = output.Length < MaxOutput ? $"{output}{line[..Math.Min(line.Length, 400)]}\n" : output;
                    }
                }
            }

            try
            {
                await Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
                await process.WaitForExitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }

            return (process.ExitCode, output.Trim());
        }
    }
}
