using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A control group with a memory limit, version 1 or 2, depending on the machine.</summary>
internal sealed class MemoryGroup
{
    private const string Version1 = "/sys/fs/cgroup/memory";
    private const string Version2 = "/sys/fs/cgroup";
    private readonly bool _isFirst;

    private MemoryGroup(string folder, bool isFirst) => (Folder, _isFirst) = (folder, isFirst);

    public string Folder { get; }

    /// <summary>Where a container sees its own control group.</summary>
    public string InContainer => _isFirst ? Version1 : Version2;

    /// <summary>How many of its processes the OOM killer has killed.</summary>
    public long Kills =>
        File.ReadLines(Path.Combine(Folder, _isFirst ? "memory.oom_control" : "memory.events"))
            .Where(l => l.StartsWith("oom_kill ", StringComparison.Ordinal))
            .Select(l => long.Parse(l["oom_kill ".Length..], CultureInfo.InvariantCulture))
            .FirstOrDefault();

    /// <summary>For a container with a memory limit; null for others, and where control groups can't be created.</summary>
    public static MemoryGroup? Make(JsonObject container)
    {
        if (container.Text("resources", "limits", "memory") is not { } limit)
        {
            return null;
        }

        var isFirst = Directory.Exists(Version1);
        var folder = Path.Combine(isFirst ? Version1 : Version2, $"fake-cluster-{Guid.CreateVersion7():N}");
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(
                Path.Combine(folder, isFirst ? "memory.limit_in_bytes" : "memory.max"),
                new ResourceQuantity(limit).ToDecimal().ToString("0", CultureInfo.InvariantCulture)
            );
            return new(folder, isFirst);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Remove()
    {
        try
        {
            Directory.Delete(Folder);
        }
        catch (IOException)
        {
            // A process is still exiting. An empty group costs nothing.
        }
    }
}
