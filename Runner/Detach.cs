using Microsoft.Win32.SafeHandles;

namespace Shipinator.Runner;

/// <summary>Separates the runner from the process that started it, so that it survives that process, and locks its execution.</summary>
internal static class Detach
{
    /// <summary>Starts a session. Fails when the runner leads a group already, and then there is nothing to leave.</summary>
    public static void FromStarter() => _ = Native.SetSession();

    /// <summary>Locks a file; null when another runner of the same execution holds it.</summary>
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

    /// <summary>Locks a file that is open already; null when another runner of the same execution holds it.</summary>
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

            // The executor may hold it briefly, to check whether a runner is running.
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        return null;
    }
}
