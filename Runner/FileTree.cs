using System.Runtime.InteropServices;

namespace Shipinator.Runner;

/// <summary>
/// Walks users' folders with the C library, where file names are bytes: .NET can't open a name that is not UTF-8. No link is
/// followed, and no path is longer than one name, so that depth does not matter.
/// </summary>
internal static unsafe partial class FileTree
{
    private const int OpenDirectory =
        0x80000 /* close on exec */
        | 0x800 /* non-blocking */
    ;
    private const int AtNoFollow = 0x100;
    private const int AtRemoveDirectory = 0x200;
    private const int StatxMode = 0x3;
    private const int TypeMask = 0xF000;
    private const int TypeFolder = 0x4000;
    private const int TypeFile = 0x8000;
    private const int NameOffset = 19;
    private const int ErrorNoEntry = 2;

    private static readonly int FlagDirectory = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;
    private static readonly int FlagNoFollow = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;
    private static readonly nint StatxNumber = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 291 : 332;

    /// <summary>
    /// Makes everything readable and writable for all users, and executable for all what its owner may execute. Errors:
    /// <see cref="IOException"/>.
    /// </summary>
    public static void OpenForAll(string folder) =>
        Walk(
            folder,
            (parent, name, mode) =>
            {
                var type = mode & TypeMask;
                if (type is not (TypeFolder or TypeFile))
                {
                    return;
                }

                var wanted =
                    (mode & 0xFFF)
                    | 0x1B6 /* rw-rw-rw- */
                    | (type == TypeFolder || (mode & 0x40) != 0 ? 0x1FF : 0);
                Check(fchmodat(parent, name, (uint)wanted, 0), "made accessible to all users");
            },
            leave: null
        );

    /// <summary>Removes the folder and its contents, whatever their names, modes and depth. Errors: <see cref="IOException"/>.</summary>
    public static void Remove(string folder)
    {
        Walk(
            folder,
            (parent, name, mode) =>
            {
                if ((mode & TypeMask) == TypeFolder)
                {
                    // Otherwise a folder without permissions can't be emptied.
                    _ = fchmodat(parent, name, 0x1C0, 0);
                }
                else
                {
                    Check(unlinkat(parent, name, 0), "removed");
                }
            },
            (parent, name) => Check(unlinkat(parent, name, AtRemoveDirectory), "removed")
        );
        Directory.Delete(folder);
    }

    private delegate void Visit(int parent, byte* name, int mode);

    private delegate void Leave(int parent, byte* name);

    /// <summary>Visits each entry before its contents; leaves a folder after its contents.</summary>
    private static void Walk(string folder, Visit visit, Leave? leave)
    {
        var root = Marshal.StringToCoTaskMemUTF8(folder);
        var open = new Stack<Level>();
        try
        {
            open.Push(
                new Level(
                    -100 /* the working folder */
                    ,
                    (byte*)root,
                    owned: null
                )
            );
            while (open.TryPeek(out var level))
            {
                if (level.Next() is not { } name)
                {
                    open.Pop();
                    level.Dispose();
                    if (open.TryPeek(out var above) && leave is not null)
                    {
                        fixed (byte* own = level.Name)
                        {
                            leave(above.Descriptor, own);
                        }
                    }

                    continue;
                }

                fixed (byte* entry = name)
                {
                    if (Mode(level.Descriptor, entry) is not { } mode)
                    {
                        continue;
                    }

                    visit(level.Descriptor, entry, mode);
                    if ((mode & TypeMask) == TypeFolder)
                    {
                        open.Push(new Level(level.Descriptor, entry, name));
                    }
                }
            }
        }
        finally
        {
            foreach (var level in open)
            {
                level.Dispose();
            }

            Marshal.FreeCoTaskMem(root);
        }
    }

    /// <summary>Type and permissions; null when the entry no longer exists.</summary>
    private static int? Mode(int parent, byte* name)
    {
        // The kernel's structure is the same on every architecture; stx_mode is at byte 28.
        var buffer = stackalloc byte[256];
        if (syscall(StatxNumber, parent, name, AtNoFollow, StatxMode, buffer) == 0)
        {
            return *(ushort*)(buffer + 28);
        }

        return Marshal.GetLastPInvokeError() == ErrorNoEntry ? null : throw Failed("inspected");
    }

    private static void Check(int result, string what)
    {
        if (result != 0 && Marshal.GetLastPInvokeError() != ErrorNoEntry)
        {
            throw Failed(what);
        }
    }

    private static IOException Failed(string what) =>
        new($"A file of the workspace can't be {what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");

    /// <summary>An open folder. All its entries are read first, so that removing some skips none.</summary>
    private sealed class Level : IDisposable
    {
        private readonly List<byte[]> _names = [];
        private readonly nint _stream;
        private int _next;

        public Level(int parent, byte* name, byte[]? owned)
        {
            Name = owned ?? [];
            var descriptor = openat(parent, name, OpenDirectory | FlagDirectory | (owned is null ? 0 : FlagNoFollow), 0);
            if (descriptor < 0)
            {
                throw Failed("read");
            }

            _stream = fdopendir(descriptor);
            if (_stream == 0)
            {
                _ = Native.Close(descriptor);
                throw Failed("read");
            }

            Descriptor = descriptor;
            for (var entry = readdir(_stream); entry != null; entry = readdir(_stream))
            {
                var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + NameOffset);
                if (!text.SequenceEqual("."u8) && !text.SequenceEqual(".."u8))
                {
                    _names.Add([.. text, 0]);
                }
            }
        }

        public int Descriptor { get; }

        /// <summary>Its name in the parent folder, with the terminating zero.</summary>
        public byte[] Name { get; }

        public byte[]? Next() => _next < _names.Count ? _names[_next++] : null;

        public void Dispose() => _ = closedir(_stream);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int openat(int parent, byte* name, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint fdopendir(int descriptor);

    [LibraryImport("libc")]
    private static partial byte* readdir(nint stream);

    [LibraryImport("libc")]
    private static partial int closedir(nint stream);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmodat(int parent, byte* name, uint mode, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unlinkat(int parent, byte* name, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint parent, byte* name, nint flags, nint mask, byte* buffer);
}
