using System.Runtime.InteropServices;

namespace Shipinator.Silo.Hosting;

/// <summary>
/// Closes <c>/proc</c> of this process to other processes of the same user: its environment and memory hold passwords and
/// tokens, and steps of the process executor may run as that user.
/// </summary>
internal static partial class ProcessPrivacy
{
    private const int SetDumpable = 4;

    /// <summary>On Linux; elsewhere nothing. Memory dumps of this process are then root's alone.</summary>
    public static void Close()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = ProcessControl(SetDumpable, 0, 0, 0, 0);
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint value, nuint unused3, nuint unused4, nuint unused5);
}
