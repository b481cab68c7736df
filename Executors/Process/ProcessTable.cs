using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Shipinator.Executors.Process;

/// <summary>
/// Finds all processes of an execution on this machine, at any depth and in any session: each has the execution's id in its environment,
/// and its runner has it on its command line as well.
/// </summary>
internal static partial class ProcessTable
{
    private const int SigTerm = 15;
    private const int SigKill = 9;

    /// <summary>
    /// The processes of the executions; with <paramref name="user"/> only those of that user, since anyone can put an id into an
    /// environment. Reads the files of every process: only for cancels and losses.
    /// </summary>
    public static List<int> FindByExecution(IReadOnlyCollection<ExecutionId> executions, uint? user = null)
    {
        var marks = executions.Select(e => Encoding.UTF8.GetBytes($"SHIPINATOR_EXECUTION_ID={e}\0")).ToList();
        var runners = executions.Select(e => Encoding.UTF8.GetBytes($"\0work\0{e}\0")).ToList();
        return
        [
            .. All()
                .Where(pid =>
                    (user is null || User(pid) == user)
                    && (Contains(pid, "environ", marks) || Contains(pid, "cmdline", runners))
                    && !IsZombie(pid)
                ),
        ];
    }

    public static List<int> FindByUser(uint user) => [.. All().Where(pid => User(pid) == user && !IsZombie(pid))];

    public static HashSet<uint> Users() => [.. All().Select(User).OfType<uint>()];

    /// <summary>Sends SIGTERM.</summary>
    public static void Terminate(IEnumerable<int> pids) => Signal(pids, SigTerm);

    /// <summary>Sends SIGKILL.</summary>
    public static void Kill(IEnumerable<int> pids) => Signal(pids, SigKill);

    public static bool IsRunner(int pid) =>
        Encoding.UTF8.GetString(Read(pid, "cmdline")).Split('\0') is [.., "work", _, ""] or [.., "work", ""];

    private static IEnumerable<int> All() =>
        Directory
            .EnumerateDirectories("/proc")
            .Select(f => int.TryParse(Path.GetFileName(f), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid != 0 && pid != Environment.ProcessId);

    private static void Signal(IEnumerable<int> pids, int signal)
    {
        foreach (var pid in pids)
        {
            _ = KillNative(pid, signal);
        }
    }

    private static bool Contains(int pid, string file, List<byte[]> marks)
    {
        var bytes = Read(pid, file);
        return marks.Exists(mark => bytes.AsSpan().IndexOf(mark) >= 0);
    }

    /// <summary>The real user id; null when the process has ended.</summary>
    private static uint? User(int pid)
    {
        var line = Encoding
            .UTF8.GetString(Read(pid, "status"))
            .Split('\n')
            .FirstOrDefault(l => l.StartsWith("Uid:\t", StringComparison.Ordinal));
        return line is null ? null : uint.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture);
    }

    private static bool IsZombie(int pid)
    {
        var stat = Encoding.UTF8.GetString(Read(pid, "stat"));
        return stat.Length == 0 || stat[(stat.LastIndexOf(')') + 2)..].StartsWith('Z');
    }

    /// <summary>A file of a process; empty when the process has ended or belongs to another user.</summary>
    private static byte[] Read(int pid, string file)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{pid}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int KillNative(int pid, int signal);
}
