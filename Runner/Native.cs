using System.Runtime.InteropServices;

namespace Shipinator.Runner;

/// <summary>Calls of the C library that .NET does not offer: process groups, sessions, descriptors.</summary>
internal static unsafe partial class Native
{
    public const int SigTerm = 15;
    public const int SigKill = 9;
    private const short SpawnSetProcessGroup = 0x02;
    private const short SpawnSetSignalMask = 0x08;
    private const short SpawnSetSignalDefault = 0x04;
    private const int CloseOnExec = 0x80000;
    private const int SetDumpable = 4;
    private const int SetDescriptorFlags = 2;
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;

    /// <summary>Starts a program as the leader of a new process group. Returns 0 or the C library's error number.</summary>
    public static int Spawn(string file, string[] arguments, string[] environment, string folder, int output, out int pid)
    {
        // Both structures are smaller than this in every known C library.
        var attributes = stackalloc byte[1024];
        var actions = stackalloc byte[1024];
        var signals = stackalloc byte[128];
        Check(posix_spawnattr_init(attributes));
        Check(posix_spawn_file_actions_init(actions));
        try
        {
            Check(posix_spawnattr_setflags(attributes, SpawnSetProcessGroup | SpawnSetSignalMask | SpawnSetSignalDefault));
            Check(posix_spawnattr_setpgroup(attributes, 0));
            // The runtime ignores SIGPIPE; a shell that inherited that would not end when its reader does.
            _ = sigemptyset(signals);
            Check(posix_spawnattr_setsigmask(attributes, signals));
            _ = sigfillset(signals);
            Check(posix_spawnattr_setsigdefault(attributes, signals));
            Check(posix_spawn_file_actions_addopen(actions, 0, "/dev/null", 0, 0));
            Check(posix_spawn_file_actions_adddup2(actions, output, 1));
            Check(posix_spawn_file_actions_adddup2(actions, output, 2));
            Check(posix_spawn_file_actions_addchdir_np(actions, folder));
            using var argv = new StringArray(arguments);
            using var envp = new StringArray(environment);
            return posix_spawn(out pid, file, actions, attributes, argv.Pointer, envp.Pointer);
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
        }
    }

    /// <summary>Creates a pipe whose ends are not inherited by accident.</summary>
    public static (int Read, int Write) Pipe()
    {
        var ends = stackalloc int[2];
        if (pipe2(ends, CloseOnExec) != 0)
        {
            throw new IOException($"A pipe can't be created (error {Marshal.GetLastPInvokeError()}).");
        }

        return (ends[0], ends[1]);
    }

    /// <summary>Waits for a child; returns its exit code, or 128 plus the signal that terminated it.</summary>
    public static int WaitForExit(int pid)
    {
        int status;
        while (waitpid(pid, &status, 0) < 0)
        {
            if (Marshal.GetLastPInvokeError() != 4)
            {
                throw new IOException($"Process {pid} can't be waited for (error {Marshal.GetLastPInvokeError()}).");
            }
        }

        return (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);
    }

    /// <summary>From now on no other process, not even of the same user, can read this one's memory, environment or open files.</summary>
    public static void DisallowInspection() => _ = prctl(SetDumpable, 0, 0, 0, 0);

    /// <summary>Prevents processes that are started here from inheriting a descriptor.</summary>
    public static void CloseOnSpawn(int descriptor) => _ = fcntl(descriptor, SetDescriptorFlags, 1);

    /// <summary>Locks an open file as .NET does, without waiting.</summary>
    public static bool TryLock(int descriptor) => flock(descriptor, LockExclusive | LockNonBlocking) == 0;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "setsid", SetLastError = true)]
    public static partial int SetSession();

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc")]
    private static partial int prctl(int option, nuint second, nuint third, nuint fourth, nuint fifth);

    [LibraryImport("libc")]
    private static partial int fcntl(int descriptor, int command, int argument);

    [LibraryImport("libc")]
    private static partial int flock(int descriptor, int operation);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn(out int pid, string file, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setpgroup(byte* attributes, int group);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addopen(byte* actions, int descriptor, string path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int from, int to);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addchdir_np(byte* actions, string path);

    [LibraryImport("libc")]
    private static partial int sigemptyset(byte* signals);

    [LibraryImport("libc")]
    private static partial int sigfillset(byte* signals);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int pipe2(int* ends, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, int* status, int options);

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new IOException($"A process can't be prepared (error {error}).");
        }
    }

    /// <summary>A null-terminated array of C strings.</summary>
    private sealed class StringArray : IDisposable
    {
        private readonly nint[] _strings;

        public StringArray(string[] values)
        {
            _strings = [.. values.Select(Marshal.StringToCoTaskMemUTF8)];
            Pointer = (byte**)NativeMemory.Alloc((nuint)(values.Length + 1), (nuint)sizeof(byte*));
            for (var i = 0; i < _strings.Length; i++)
            {
                Pointer[i] = (byte*)_strings[i];
            }

            Pointer[values.Length] = null;
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            foreach (var text in _strings)
            {
                Marshal.FreeCoTaskMem(text);
            }

            NativeMemory.Free(Pointer);
        }
    }
}
