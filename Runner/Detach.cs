namespace Shipinator.Runner;

/// <summary>Cuts the ties to the process that started the runner, so that its death changes nothing.</summary>
internal static class Detach
{
    private const int OpenReadOnly = 0;

    /// <summary>A session of its own; output goes to a file, never into a pipe whose reader may vanish.</summary>
    public static void FromStarter(string logFile)
    {
        // Fails when it leads a group already, and then there is nothing to leave.
        _ = Native.SetSession();
        Redirect(Native.Open("/dev/null", OpenReadOnly, 0), 0);
        var log = Native.Open(logFile, Native.OpenReadWriteAppendCreate, 0x180);
        Redirect(log, 1, close: false);
        Redirect(log, 2);
    }

    /// <summary>Null when another runner of the same execution holds it.</summary>
    public static async Task<FileStream?> TakeLockAsync(string path)
    {
        for (var tries = 0; tries < 25; tries++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                // Somebody may just be looking whether we live.
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }
        }

        return null;
    }

    private static void Redirect(int from, int to, bool close = true)
    {
        if (from >= 0 && from != to)
        {
            _ = Native.Dup2(from, to);
            if (close)
            {
                _ = Native.Close(from);
            }
        }
    }
}
