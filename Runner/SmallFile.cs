using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shipinator.Runner;

/// <summary>
/// Reads small files that a step may have put something else in the place of: a link to what only we may read, a pipe that
/// nobody writes to, more bytes than there is memory.
/// </summary>
internal static unsafe partial class SmallFile
{
    private const int ReadOnly = 0;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int NoSuchFile = 2;
    private const int TooManyLinks = 40;

    private static int NoFollow => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    /// <summary>The bytes; null when there is no such file. Errors: <see cref="StepMistakeException"/> when it is no regular file, or larger than <paramref name="most"/>.</summary>
    public static byte[]? Read(string path, int most)
    {
        var descriptor = open(path, ReadOnly | NonBlocking | CloseOnExec | NoFollow, 0);
        if (descriptor < 0)
        {
            return Marshal.GetLastPInvokeError() switch
            {
                NoSuchFile => null,
                TooManyLinks => throw new StepMistakeException("it is a link, and must be a file"),
                var error => throw new StepMistakeException($"it can't be opened: {Marshal.GetPInvokeErrorMessage(error)}"),
            };
        }

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        // Seeking to its end tells a regular file from a pipe, a socket or a terminal; a folder can't be read.
        if (lseek(descriptor, 0, 2) is var end && (end < 0 || Directory.Exists(path)))
        {
            throw new StepMistakeException("it is no regular file");
        }

        if (end > most)
        {
            throw new StepMistakeException($"it has {end} bytes; at most {most} are allowed");
        }

        var bytes = new byte[most + 1];
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
            throw new StepMistakeException("it is no regular file");
        }

        return length <= most ? bytes[..length] : throw new StepMistakeException($"it has more than {most} bytes");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long lseek(int descriptor, long offset, int whence);
}
