using System.Globalization;

namespace Shipinator.Runner;

/// <summary>Whether the kernel killed a process of this container because it ran out of memory.</summary>
internal sealed class OomKills(params string[] files)
{
    private const int KilledBySignal9 = 137;
    private readonly long? _before = Count(files);

    /// <summary>For the container that the runner is in: control groups version 2, then 1.</summary>
    public static OomKills OfThisContainer() => new("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control");

    /// <summary>True when a command ended by SIGKILL and the count of kills has grown since this was created.</summary>
    public bool Killed(int exitCode) => exitCode == KilledBySignal9 && _before is { } before && Count(files) > before;

    private static long? Count(string[] files)
    {
        foreach (var file in files)
        {
            try
            {
                var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
                if (line is not null)
                {
                    return long.Parse(line["oom_kill ".Length..], NumberStyles.None, CultureInfo.InvariantCulture);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
            {
                // Not this version of control groups.
            }
        }

        return null;
    }
}
