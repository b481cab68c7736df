using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shipinator.Artifacts;

/// <summary>Brings files and folders to the disk itself, so that what was acknowledged outlives a loss of power.</summary>
internal static partial class Durable
{
    private const int ReadOnlyFolder = 0x80000;
    private const int Invalid = 22;

    /// <summary>How many wait for the disk at once; it takes those that wait together in one go.</summary>
    private static readonly SemaphoreSlim Room = new(16);

    /// <summary>A file's bytes. The disk is waited for on another thread.</summary>
    public static async Task FlushAsync(SafeFileHandle file, CancellationToken cancellationToken)
    {
        await Room.WaitAsync(cancellationToken);
        try
        {
            await Task.Run(() => RandomAccess.FlushToDisk(file), CancellationToken.None);
        }
        finally
        {
            Room.Release();
        }
    }

    /// <summary>A folder's names: without it a new file, or a new name of one, may be gone.</summary>
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
            // Some network file systems have nothing to do for a folder and say so by this error.
            if (fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() is var error and not Invalid)
            {
                throw new IOException($"The folder {folder} can't be brought to the disk: {Marshal.GetPInvokeErrorMessage(error)}.");
            }
        });

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);
}
