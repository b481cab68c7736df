using System.Diagnostics;
using System.Text;

namespace Shipinator.KubernetesBattery;

/// <summary>Runs programs of this machine: git, kubectl.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Returns the output. Errors: <see cref="BatteryException"/> with the program's error output, or after the timeout.</summary>
    public static async Task<string> RunAsync(
        string program,
        IEnumerable<string> arguments,
        string? folder = null,
        string? input = null,
        TimeSpan? patience = null
    )
    {
        var all = arguments.ToList();
        var start = new ProcessStartInfo(program, all)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var words = process.StandardError.ReadToEndAsync();
        try
        {
            if (input is not null)
            {
                await process.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(input));
            }

            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading its input; the exit code decides.
        }

        using var limit = new CancellationTokenSource(patience ?? Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new BatteryException($"{program} {string.Join(' ', all)} did not end within {(patience ?? Patience).TotalSeconds:0} s");
        }

        return process.ExitCode == 0
            ? (await output).Trim()
            : throw new BatteryException(
                $"{program} {string.Join(' ', all)} failed with exit code {process.ExitCode}: {(await words).Trim()}"
            );
    }
}

/// <summary>The battery can't continue, or a case failed without a result.</summary>
internal sealed class BatteryException(string message) : Exception(message);
