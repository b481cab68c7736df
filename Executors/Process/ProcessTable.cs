using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Shipinator.Executors.Process;

/// <summary>
/// Finds everything of an execution that runs on this machine, however deep and in whatever session: each of its processes
/// carries the execution's id in its environment.
/// </summary>
internal static partial class ProcessTable
{
    private const int SigTerm = 15;
    private const int SigKill = 9;

    /// <summary>The processes that carry one of the ids. Costs a look at every process: only for stops and losses.</summary>
    public static List<int> Of(IReadOnlyCollection<ExecutionId> executions)
    {
        var marks = executions.Select(e => Encoding.UTF8.GetBytes($"SHIPINATOR_EXECUTION_ID={e}\0")).ToList();
        var found = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                && pid != Environment.ProcessId && Carries(pid, marks))
            {
                found.Add(pid);
            }
        }

        return found;
    }

    /// <summary>SIGTERM.</summary>
    public static void Terminate(IEnumerable<int> pids) => Signal(pids, SigTerm);

    /// <summary>SIGKILL.</summary>
    public static void Kill(IEnumerable<int> pids) => Signal(pids, SigKill);

    /// <summary>The processes among them that are runners.</summary>
    public static bool IsRunner(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").EndsWith("\0work\0", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void Signal(IEnumerable<int> pids, int signal)
    {
        foreach (var pid in pids)
        {
            _ = KillNative(pid, signal);
        }
    }

    private static bool Carries(int pid, List<byte[]> marks)
    {
        try
        {
            var environment = File.ReadAllBytes($"/proc/{pid}/environ").AsSpan();
            foreach (var mark in marks)
            {
                if (environment.IndexOf(mark) >= 0)
                {
                    // A zombie runs no more: it only waits to be counted.
                    return !IsZombie(pid);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended while we looked, or it is somebody else's.
        }

        return false;
    }

    private static bool IsZombie(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].StartsWith('Z');
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int KillNative(int pid, int signal);
}
