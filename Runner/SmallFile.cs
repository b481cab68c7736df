using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shipinator.Runner;

/// <summary>
/// Reads small files that a step may have replaced: by a link to what only the runner may read, a pipe without a writer,
/// or more bytes than there is memory.
/// </summary>
internal static unsafe partial class SmallFile
{
    private const int ReadOnly = 0;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int NoSuchFile = 2;
    private const int TooManyLinks = 40;

    private static int NoFollow => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    /// <summary>
    /// Returns the bytes; null when there is no such file. Errors: <see cref="StepConfigException"/> when it is not a regular
    /// file, or larger than <paramref name="maxBytes"/>.
    /// </summary>
    public static byte[]? Read(string path, int maxBytes)
    {
        var descriptor = open(path, ReadOnly | NonBlocking | CloseOnExec | NoFollow, 0);
        if (descriptor < 0)
        {
            return Marshal.GetLastPInvokeError() switch
            {
                NoSuchFile => null,
                TooManyLinks => throw new StepConfigException("the file was replaced by a link"),
                var error => throw new StepConfigException($"the file can't be opened: {Marshal.GetPInvokeErrorMessage(error)}"),
            };
        }

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        // Seeking to the end fails for a pipe, a socket or a terminal; a folder can't be read.
        if (lseek(descriptor, 0, 2) is var end && (end < 0 || Directory.Exists(path)))
        {
            throw new StepConfigException("it is not a regular file");
        }

        if (end > maxBytes)
        {
            throw new StepConfigException($"the file has {end} bytes; at most {maxBytes} are allowed");
        }

        var bytes = new byte[maxBytes + 1];
        var length = 0;
        try
        {
            while (length < bytes.Length && RandomAccess.Read(handle, bytes.AsSpan(length), length) is var read and > 0)
            {
                length += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new StepConfigException("it is not a regular file");
        }

        return length <= maxBytes ? bytes[..length] : throw new StepConfigException($"the file has more than {maxBytes} bytes");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long lseek(int descriptor, long offset, int whence);
}
