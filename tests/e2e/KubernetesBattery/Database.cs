using System.Diagnostics;
using System.Globalization;

namespace Shipinator.KubernetesBattery;

/// <summary>
/// The PostgreSQL that a standalone server keeps in its data folder. It goes on when the server is killed, since the next one takes it
/// over; after the last one it is ours to end.
/// </summary>
internal static class Database
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>So that also the user that runs it, when the battery is root's, can come to what is below.</summary>
    public const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Stops it as it wants to be stopped, or else kills it. Nothing happens when it does not run.</summary>
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
                    // The next signal, or nothing more that could be done.
                }
            }
        }
    }

    /// <summary>Deletes what is outside of the folder: where that lies below a closed one, the data is elsewhere and a link leads to it.</summary>
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
            // The number may be another program's by now.
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
