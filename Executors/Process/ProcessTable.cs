using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Shipinator.Executors.Process;

/// <summary>
/// Finds everything of an execution that runs on this machine, however deep and in whatever session: each of its processes
/// carries the execution's id in its environment, and its runner on its command line as well.
/// </summary>
internal static partial class ProcessTable
{
    private const int SigTerm = 15;
    private const int SigKill = 9;

    /// <summary>
    /// The processes that carry one of the ids; with <paramref name="user"/> only those of that user, since anybody can put
    /// an id into an environment. Costs a look at every process: only for stops and losses.
    /// </summary>
    public static List<int> Of(IReadOnlyCollection<ExecutionId> executions, uint? user = null)
    {
        var marks = executions.Select(e => Encoding.UTF8.GetBytes($"SHIPINATOR_EXECUTION_ID={e}\0")).ToList();
        var runners = executions.Select(e => Encoding.UTF8.GetBytes($"\0work\0{e}\0")).ToList();
        return
        [
            .. All()
                .Where(pid =>
                    (user is null || User(pid) == user)
                    && (Carries(pid, "environ", marks) || Carries(pid, "cmdline", runners))
                    && !IsZombie(pid)
                ),
        ];
    }

    /// <summary>Every process of a user.</summary>
    public static List<int> OfUser(uint user) => [.. All().Where(pid => User(pid) == user && !IsZombie(pid))];

    /// <summary>The users that have processes.</summary>
    public static HashSet<uint> Users() => [.. All().Select(User).OfType<uint>()];

    /// <summary>SIGTERM.</summary>
    public static void Terminate(IEnumerable<int> pids) => Signal(pids, SigTerm);

    /// <summary>SIGKILL.</summary>
    public static void Kill(IEnumerable<int> pids) => Signal(pids, SigKill);

    /// <summary>The processes among them that are runners.</summary>
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

    private static bool Carries(int pid, string file, List<byte[]> marks)
    {
        var bytes = Read(pid, file);
        return marks.Exists(mark => bytes.AsSpan().IndexOf(mark) >= 0);
    }

    /// <summary>The real user; null when it has ended. A zombie runs no more: it only waits to be counted.</summary>
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

    /// <summary>Nothing when it ended while we looked, or when it is somebody else's.</summary>
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
