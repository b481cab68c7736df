using System.Globalization;
using System.Runtime.InteropServices;

namespace Shipinator.Schema.Server;

/// <summary>Signals.</summary>
internal enum Signal
{
    Interrupt = 2,
    Kill = 9,
}

/// <summary>Other processes of this machine, from <c>/proc</c>.</summary>
internal static partial class Processes
{
    /// <summary>False for zombies, which hold no resources.</summary>
    public static bool IsAlive(int pid) => Fields(pid) is { } fields && fields[0] is not ("Z" or "X");

    public static IEnumerable<int> ChildrenOf(int pid)
    {
        var parent = pid.ToString(CultureInfo.InvariantCulture);
        return All().Where(p => Fields(p) is { } fields && fields[1] == parent).ToList();
    }

    /// <summary>Whether any process has this working folder.</summary>
    public static bool AnyWorksIn(string folder) => All().Any(pid => WorksIn(pid, folder));

    /// <summary>Whether a process has this working folder.</summary>
    public static bool WorksIn(int pid, string folder)
    {
        try
        {
            return Directory.ResolveLinkTarget($"/proc/{pid}/cwd", returnFinalTarget: false)?.FullName == folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The path of an existing file or folder with symbolic links resolved; else the path itself.</summary>
    public static string RealPath(string path)
    {
        var found = RealPath(path, 0);
        if (found == 0)
        {
            return path;
        }

        try
        {
            return Marshal.PtrToStringUTF8(found)!;
        }
        finally
        {
            Free(found);
        }
    }

    public static void Send(int pid, Signal signal) => _ = Kill(pid, (int)signal);

    private static IEnumerable<int> All() =>
        Directory
            .EnumerateDirectories("/proc")
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid != 0);

    /// <summary>State, parent, …: the fields after the name, which is in parentheses and may contain anything.</summary>
    private static string[]? Fields(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint RealPath(string path, nint buffer);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void Free(nint memory);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
