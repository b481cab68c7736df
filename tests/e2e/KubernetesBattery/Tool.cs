using System.Diagnostics;
using System.Text;

namespace Shipinator.KubernetesBattery;

/// <summary>Programs of this machine: git, kubectl.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Errors: <see cref="BatteryException"/> in the program's words, or when it did not end in time.</summary>
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
            // It ended without listening; its exit code says how.
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
            : throw new BatteryException($"{program} {string.Join(' ', all)} ended with {process.ExitCode}: {(await words).Trim()}");
    }
}

/// <summary>The battery can't go on, or a case found something else than a result.</summary>
internal sealed class BatteryException(string message) : Exception(message);
