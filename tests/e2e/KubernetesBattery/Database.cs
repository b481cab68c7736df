using System.Diagnostics;
using System.Globalization;

namespace Shipinator.KubernetesBattery;

/// <summary>
/// The PostgreSQL server in a standalone server's data folder. It keeps running when the Shipinator server is killed, because the next
/// one takes it over; after the last one the battery has to stop it.
/// </summary>
internal static class Database
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Lets the user that runs PostgreSQL traverse the folder when the battery runs as root.</summary>
    public const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Stops it by SIGINT, then by SIGKILL. Does nothing when it does not run.</summary>
    public static async Task StopAsync(string folder)
    {
        foreach (var signal in (string[])["-INT", "-KILL"])
        {
            if (Running(folder) is not { } postgres)
            {
                return;
            }

            using (postgres)
            {
                await Tool.RunAsync("kill", [signal, postgres.Id.ToString(CultureInfo.InvariantCulture)]);
                using var limit = new CancellationTokenSource(Patience);
                try
                {
                    await postgres.WaitForExitAsync(limit.Token);
                }
                catch (OperationCanceledException)
                {
                    // Try the next signal.
                }
            }
        }
    }

    /// <summary>
    /// Deletes the data outside the folder: below a folder that other users can't enter, the data is elsewhere, behind a link.
    /// </summary>
    public static void DeleteElsewhere(string folder)
    {
        if (Place(folder) is var place && place != Inside(folder) && Directory.Exists(place))
        {
            Directory.Delete(place, recursive: true);
        }
    }

    private static string Inside(string folder) => Path.Combine(folder, "data", "postgres");

    private static string Place(string folder) => new DirectoryInfo(Inside(folder)) is { LinkTarget: { } target } ? target : Inside(folder);

    private static Process? Running(string folder)
    {
        try
        {
            var data = Path.Combine(Place(folder), "data");
            // The process id may belong to another program by now.
            return
                int.TryParse(
                    File.ReadLines(Path.Combine(data, "postmaster.pid")).FirstOrDefault(),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out var pid
                )
                && File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline"))
                    .Contains(data, StringComparison.Ordinal)
                ? Process.GetProcessById(pid)
                : null;
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            return null;
        }
    }
}
