using Microsoft.Win32.SafeHandles;

namespace Shipinator.Runner;

/// <summary>Cuts the ties to the process that started the runner, so that its death changes nothing.</summary>
internal static class Detach
{
    /// <summary>A session of its own. Fails when it leads a group already, and then there is nothing to leave.</summary>
    public static void FromStarter() => _ = Native.SetSession();

    /// <summary>Null when another runner of the same execution holds it.</summary>
    public static Task<IDisposable?> TakeLockAsync(string path) =>
        TakeAsync(() =>
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                return null;
            }
        });

    /// <summary>The same for a file that is open already.</summary>
    public static Task<IDisposable?> TakeLockAsync(int descriptor) =>
        TakeAsync(() => Native.TryLock(descriptor) ? new SafeFileHandle(descriptor, ownsHandle: true) : null);

    private static async Task<IDisposable?> TakeAsync(Func<IDisposable?> take)
    {
        for (var tries = 0; tries < 25; tries++)
        {
            if (take() is { } held)
            {
                return held;
            }

            // Somebody may just be looking whether we live.
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        return null;
    }
}
