using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shipinator.Artifacts;

/// <summary>Flushes files and folders to the disk, so that acknowledged data survives a power failure.</summary>
internal static partial class Durable
{
    private const int ReadOnlyFolder = 0x80000;
    private const int Invalid = 22;

    /// <summary>The maximum number of concurrent flushes; the disk handles concurrent ones together.</summary>
    private static readonly SemaphoreSlim Slots = new(16);

    /// <summary>Flushes a file's content, on another thread.</summary>
    public static async Task FlushAsync(SafeFileHandle file, CancellationToken cancellationToken)
    {
        await Slots.WaitAsync(cancellationToken);
        try
        {
            await Task.Run(() => RandomAccess.FlushToDisk(file), CancellationToken.None);
        }
        finally
        {
            Slots.Release();
        }
    }

    /// <summary>Flushes a folder's entries: without it a new or renamed file may be lost.</summary>
    public static Task FlushFolderAsync(string folder) =>
        Task.Run(() =>
        {
            var descriptor = open(folder, ReadOnlyFolder);
            if (descriptor < 0)
            {
                throw new IOException(
                    $"The folder {folder} can't be opened: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}."
                );
            }

            using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
            // Some network file systems need no flush of a folder and return this error.
            if (fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() is var error and not Invalid)
            {
                throw new IOException($"The folder {folder} can't be flushed to disk: {Marshal.GetPInvokeErrorMessage(error)}.");
            }
        });

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);
}
