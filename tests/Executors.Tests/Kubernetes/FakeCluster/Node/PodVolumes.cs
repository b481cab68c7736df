using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The folders behind a pod's volumes, and how each container mounts them.</summary>
internal sealed class PodVolumes(World world, JsonObject pod, string folder, string claims)
{
    private const UnixFileMode Everybody = (UnixFileMode)0b111_111_111;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(2);

    private string Namespace => pod.Text("metadata", "namespace")!;

    /// <summary>A container's own folder.</summary>
    public string OwnFolder(string container) => Path.Combine(folder, "containers", container);

    /// <summary>Waits for missing sources with growing back-off, and reports that in events.</summary>
    public async Task SetUpAsync(CancellationToken stop)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, stop);
        foreach (var volume in pod.Items("spec", "volumes"))
        {
            var place = PlaceOf(volume.Text("name")!);
            if (volume.Text("secret", "secretName") is { } name)
            {
                var secret = await FindAsync(volume.Text("name")!, name, volume["secret"]?["optional"]?.GetValue<bool>() == true, stop);
                Directory.CreateDirectory(place);
                foreach (var (key, value) in secret?["data"] as JsonObject ?? [])
                {
                    await File.WriteAllBytesAsync(Path.Combine(place, key), Convert.FromBase64String((string)value!), stop);
                }
            }
            else
            {
                Directory.CreateDirectory(place);
                File.SetUnixFileMode(place, Everybody);
                if (pod.Number("spec", "securityContext", "fsGroup") is { } group)
                {
                    Own(place, group);
                }
            }
        }
    }

    /// <summary>A container's mounts.</summary>
    public IReadOnlyList<Mount> MountsOf(JsonObject container)
    {
        var mounts = new List<Mount>();
        foreach (var mount in container.Items("volumeMounts"))
        {
            var source = PlaceOf(mount.Text("name")!);
            if (mount.Text("subPath") is { } path)
            {
                source = Path.Combine(source, path);
                if (!File.Exists(source) && !Directory.Exists(source))
                {
                    Directory.CreateDirectory(source);
                    File.SetUnixFileMode(source, Everybody);
                }
            }

            mounts.Add(new(mount.Text("mountPath")!, source, mount["readOnly"]?.GetValue<bool>() == true));
        }

        var own = OwnFolder(container.Text("name")!);
        Directory.CreateDirectory(own);
        foreach (
            var (path, text) in new[] { (container.Text("terminationMessagePath") ?? "/dev/termination-log", ""), ("/etc/hosts", Hosts()) }
        )
        {
            var file = Path.Combine(own, Path.GetFileName(path));
            File.WriteAllText(file, text);
            File.SetUnixFileMode(file, (UnixFileMode)0b110_110_110);
            mounts.Add(new(path, file, IsReadOnly: false));
        }

        return mounts;
    }

    /// <summary>A container's termination message.</summary>
    public string? MessageOf(JsonObject container)
    {
        var file = Path.Combine(
            OwnFolder(container.Text("name")!),
            Path.GetFileName(container.Text("terminationMessagePath") ?? "/dev/termination-log")
        );
        return File.Exists(file) && File.ReadAllText(file) is { Length: > 0 } text ? text : null;
    }

    public async Task TearDownAsync()
    {
        for (var tries = 0; Directory.Exists(folder) && tries < 5; tries++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A killed process is still exiting; the node's whole folder is deleted later.
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
            }
        }
    }

    private string PlaceOf(string volume) =>
        pod.Items("spec", "volumes").First(v => v.Text("name") == volume).Text("persistentVolumeClaim", "claimName") is { } claim
            ? Path.Combine(claims, Namespace, claim)
            : Path.Combine(folder, "volumes", volume);

    private async Task<JsonObject?> FindAsync(string volume, string name, bool isOptional, CancellationToken stop)
    {
        for (var pause = FirstRetry; ; pause = pause * 2 < LongestRetry ? pause * 2 : LongestRetry)
        {
            if (world.Store.Find(new("secrets", Namespace, name)) is { } found)
            {
                return found;
            }

            if (isOptional)
            {
                return null;
            }

            world.Say(
                pod,
                "kubelet",
                "Warning",
                "FailedMount",
                $"MountVolume.SetUp failed for volume \"{volume}\" : secret \"{name}\" not found"
            );
            await Task.Delay(pause, TimeProvider.System, stop);
        }
    }

    private string Hosts() =>
        string.Concat(
            pod.Items("spec", "hostAliases")
                .Select(a => $"{a.Text("ip")}\t{string.Join('\t', (a["hostnames"] as JsonArray ?? []).Select(n => (string)n!))}\n")
                .Prepend($"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n127.0.0.2\t{pod.Name()}\n")
        );

    private static void Own(string path, long group)
    {
        using var chgrp = System.Diagnostics.Process.Start("chgrp", [group.ToString(CultureInfo.InvariantCulture), path]);
        chgrp.WaitForExit();
        File.SetUnixFileMode(path, Everybody | UnixFileMode.SetGroup);
    }
}
