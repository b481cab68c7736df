namespace Shipinator.Runner;

/// <summary>Cuts the ties to the process that started the runner, so that its death changes nothing.</summary>
internal static class Detach
{
    /// <summary>A session of its own. Fails when it leads a group already, and then there is nothing to leave.</summary>
    public static void FromStarter() => _ = Native.SetSession();

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
}
