using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shipinator.Runner;

/// <summary>Opens a file of the workspace safely, even if a step replaced it: never blocks or reads outside the workspace.</summary>
internal static unsafe partial class RegularFile
{
    private const int ReadOnly = 0;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int EmptyPath = 0x1000;
    private const uint TypeOnly = 0x1;
    private const int ModeAt = 28;
    private const int RegularType = 0x8000;
    private const int TypeMask = 0xF000;

    /// <summary>O_NOFOLLOW, which has another value on ARM.</summary>
    private static readonly int NoFollow = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm
        ? 0x8000
        : 0x20000;

    /// <summary>
    /// Opens a regular file below the workspace; a link to one is followed. Errors: <see cref="ArtifactInvalidException"/> says
    /// what is there instead.
    /// </summary>
    public static FileStream Open(string workspace, string path, string name)
    {
        var target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        if (WorkspacePaths.Inside(workspace, target) is null)
        {
            throw new ArtifactInvalidException($"'{name}' points outside the workspace.");
        }

        var descriptor = open(target, ReadOnly | NonBlocking | CloseOnExec | NoFollow);
        if (descriptor < 0)
        {
            throw new ArtifactInvalidException($"'{name}' can't be read: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            if (!IsRegular(descriptor))
            {
                throw new ArtifactInvalidException($"'{name}' is not a regular file (but a folder, socket, FIFO or device).");
            }

            // A folder of the path may have become a link since it was checked.
            if (
                File.ResolveLinkTarget($"/proc/self/fd/{descriptor}", returnFinalTarget: false)?.FullName is { } opened
                && WorkspacePaths.Inside(Real(workspace), opened) is null
            )
            {
                throw new ArtifactInvalidException($"'{name}' points outside the workspace.");
            }

            return new FileStream(handle, FileAccess.Read, bufferSize: 0);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static bool IsRegular(int descriptor)
    {
        var status = stackalloc byte[256];
        return statx(descriptor, "", EmptyPath, TypeOnly, status) == 0
            && (BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(status + ModeAt, sizeof(ushort))) & TypeMask) == RegularType;
    }

    /// <summary>The folder's path with all links resolved, as the kernel reports paths.</summary>
    private static string Real(string folder)
    {
        var at = "/";
        foreach (var part in folder.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            at = Path.Combine(at, part);
            at = Directory.ResolveLinkTarget(at, returnFinalTarget: true)?.FullName ?? at;
        }

        return at;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* status);
}

/// <summary>A declared output exists but can't be uploaded; the message names it.</summary>
internal sealed class ArtifactInvalidException(string message) : Exception(message);
