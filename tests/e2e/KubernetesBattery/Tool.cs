using System.Diagnostics;
using System.Text;

namespace Shipinator.KubernetesBattery;

/// <summary>Programs of this machine: git, kubectl.</summary>
internal static class Tool
{
    public static async Task<(int Code, string Output, string Words)> TryAsync(string program, IEnumerable<string> arguments, string? folder = null, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
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

        await process.WaitForExitAsync();
        return (process.ExitCode, (await output).Trim(), (await words).Trim());
    }

    /// <summary>Errors: <see cref="BatteryException"/> in the program's words.</summary>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string? folder = null, string? input = null)
    {
        var all = arguments.ToList();
        var (code, output, words) = await TryAsync(program, all, folder, input);
        return code == 0 ? output : throw new BatteryException($"{program} {string.Join(' ', all)} ended with {code}: {words}");
    }
}

/// <summary>The battery can't go on, or a case found something else than a result.</summary>
internal sealed class BatteryException(string message) : Exception(message);
