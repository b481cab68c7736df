using System.Globalization;

namespace Shipinator.Runner;

/// <summary>Whether the kernel killed something of this container for want of memory.</summary>
internal sealed class OutOfMemory(params string[] files)
{
    private const int KilledBySignal9 = 137;
    private readonly long? _before = Count(files);

    /// <summary>Of the container that the runner is in: control groups version 2, then 1.</summary>
    public static OutOfMemory OfThisContainer() => new("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control");

    /// <summary>True when a command ended by SIGKILL and the count of kills has grown since this was made.</summary>
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
                // Not this kind of control groups.
            }
        }

        return null;
    }
}
