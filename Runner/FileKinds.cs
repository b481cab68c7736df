using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Shipinator.Runner;

/// <summary>The kind of a file system entry.</summary>
internal enum FileKind
{
    /// <summary>The entry does not exist or is not accessible.</summary>
    Absent,
    Regular,
    Folder,
    Link,

    /// <summary>A socket, FIFO or device: opening one may block forever.</summary>
    Special,
}

/// <summary>Distinguishes regular files from sockets, FIFOs and devices, which .NET does not.</summary>
internal static unsafe partial class FileKinds
{
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint TypeOnly = 0x1;
    private const int ModeAt = 28;

    /// <summary>With <paramref name="followLinks"/> the kind of a link's target, else of the link itself.</summary>
    public static FileKind Of(string path, bool followLinks)
    {
        var status = stackalloc byte[256];
        if (statx(CurrentFolder, path, followLinks ? 0 : NoFollow, TypeOnly, status) != 0)
        {
            return FileKind.Absent;
        }

        // The layout of statx is the same on every machine.
        var mode = BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(status + ModeAt, sizeof(ushort)));
        return (mode & 0xF000) switch
        {
            0x8000 => FileKind.Regular,
            0x4000 => FileKind.Folder,
            0xA000 => FileKind.Link,
            _ => FileKind.Special,
        };
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* status);
}
