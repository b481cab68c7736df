using System.Runtime.InteropServices;

namespace Shipinator.Executors.Process;

/// <summary>Calls of the C library that .NET lacks: owners, hard links, file types.</summary>
internal static unsafe partial class Unix
{
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint BasicStats = 0x7ff;
    private const int NoSuchFile = 2;
    private const int NotAFolder = 20;

    /// <summary>The metadata of a file system entry, without following a link.</summary>
    /// <param name="User">The owner's user id.</param>
    /// <param name="Group">The group's id.</param>
    /// <param name="Type">The type bits of the mode.</param>
    /// <param name="Mode">The permission bits.</param>
    public readonly record struct Entry(uint User, uint Group, int Type, UnixFileMode Mode)
    {
        /// <summary>A folder, not a link to one.</summary>
        public bool IsFolder => Type == 0x4000;

        /// <summary>A regular file, not a link to one.</summary>
        public bool IsFile => Type == 0x8000;
    }

    /// <summary>Null when the entry does not exist. Errors: <see cref="IOException"/>.</summary>
    public static Entry? Stat(string path)
    {
        // struct statx is the same on every architecture.
        var buffer = stackalloc byte[256];
        if (statx(CurrentFolder, path, NoFollow, BasicStats, buffer) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is NoSuchFile or NotAFolder ? null : throw Error(path, "examined", error);
        }

        var mode = *(ushort*)(buffer + 28);
        return new(*(uint*)(buffer + 20), *(uint*)(buffer + 24), mode & 0xf000, (UnixFileMode)(mode & 0xfff));
    }

    /// <summary>Changes the owner of an entry, not of what it links to. Errors: <see cref="IOException"/>.</summary>
    public static void ChangeOwner(string path, uint user, uint group)
    {
        if (lchown(path, user, group) != 0)
        {
            throw Error(path, "assigned to another user", Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Creates a hard link to a file. Errors: <see cref="IOException"/>.</summary>
    public static void CreateHardLink(string file, string name)
    {
        if (link(file, name) != 0)
        {
            throw Error(name, "created as a link", Marshal.GetLastPInvokeError());
        }
    }

    private static IOException Error(string path, string what, int error) =>
        new($"{path} could not be {what}: {Marshal.GetPInvokeErrorMessage(error)}.");

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int lchown(string path, uint user, uint group);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int link(string from, string to);
}
