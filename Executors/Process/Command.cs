using System.Diagnostics;

namespace Shipinator.Executors.Process;

/// <summary>Runs a small program of this machine to its end.</summary>
internal static class Command
{
    /// <summary>The exit code and the end of what it printed. Errors: <see cref="IOException"/> when it can't be started.</summary>
    public static async Task<(int Code, string Words)> RunAsync(
        IReadOnlyList<string> command,
        CancellationToken cancellationToken,
        params (string Name, string Value)[] environment
    )
    {
        const int MostWords = 2000;
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        // The server's own settings, whatever they are called, are none of its business.
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
            throw new IOException($"{command[0]} can't be started: {e.Message}.", e);
        }

        using (process)
        {
            process.StandardInput.Close();
            var words = "";
            async Task ReadAsync(StreamReader from)
            {
                while (await from.ReadLineAsync(cancellationToken) is { } line)
                {
                    lock (start)
                    {
                        words = words.Length < MostWords ? $"{words}{line[..Math.Min(line.Length, 400)]}\n" : words;
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

            return (process.ExitCode, words.Trim());
        }
    }
}
