using System.Runtime.InteropServices;

namespace Shipinator.Silo.Hosting;

/// <summary>
/// Denies other processes of the same user access to <c>/proc</c> of this process: its environment and memory contain passwords and
/// tokens, and steps of the process executor may run as that user.
/// </summary>
internal static partial class ProcessPrivacy
{
    private const int SetDumpable = 4;

    /// <summary>Denies access on Linux; does nothing on other systems. Memory dumps of this process then require root.</summary>
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
