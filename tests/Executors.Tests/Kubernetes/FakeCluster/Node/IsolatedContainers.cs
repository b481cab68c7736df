using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Containers like those of a container runtime, as far as the kernel and a shell allow: a root folder of their own with the
/// manifest's mounts, a PID namespace, only the manifest's environment, and a memory limit. They
/// share the network. Needs root.
/// </summary>
internal sealed class IsolatedContainers(string folder, Func<string, string, bool> opens) : IContainers
{
    /// <summary>Sets up the container from outside, then becomes its first process.</summary>
    private const string Setup = """
        set -e
        root=$1 mounts=$2 group=$3 name=$4; shift 4
        [ -z "$group" ] || echo $$ > "$group/cgroup.procs"
        hostname "$name"
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev"
        mkdir "$root/dev/shm"; chmod 1777 "$root/dev/shm"
        for d in null zero full random urandom tty; do : > "$root/dev/$d"; mount --bind "/dev/$d" "$root/dev/$d"; done
        ln -s /proc/self/fd "$root/dev/fd"
        ln -s /proc/self/fd/1 "$root/dev/stdout"; ln -s /proc/self/fd/2 "$root/dev/stderr"
        while IFS='|' read -r source target access; do
          if [ -d "$source" ]; then mkdir -p "$root$target"
          else mkdir -p "$root$(dirname "$target")"; [ -e "$root$target" ] || : > "$root$target"; fi
          mount --bind "$source" "$root$target"
          [ "$access" != ro ] || mount -o remount,bind,ro "$root$target"
        done < "$mounts"
        cd "$root"
        exec "$@"
        """;
    private static readonly string[] SearchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    private readonly MachineImages _images = new(folder);

    /// <summary>Whether a Secret, by namespace and name, gives access to the private image; null when it does not exist.</summary>
    public static bool Opens(JsonObject? secret) =>
        secret.Text("data", ".dockerconfigjson") is { } data
        && System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(data)).Contains("registry.test", StringComparison.Ordinal);

    /// <summary>Null when containers can be created on this machine; otherwise the reason why not.</summary>
    public static string? WhyNot()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return "only root may make them";
        }

        if (!File.Exists("/bin/busybox"))
        {
            return "there is no /bin/busybox: install busybox-static";
        }

        try
        {
            using var trial = System.Diagnostics.Process.Start(
                new ProcessStartInfo("unshare", ["--mount", "--pid", "--uts", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
                {
                    RedirectStandardError = true,
                }
            )!;
            trial.WaitForExit();
            return trial.ExitCode == 0 ? null : "the kernel does not allow namespaces of their own here";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "there is no unshare";
        }
    }

    public string? Refuse(string image, JsonObject pod) =>
        MachineImages.Refuse(image, pod, s => opens(pod.Text("metadata", "namespace")!, s));

    public IContainer Start(ContainerStart start)
    {
        var root = Path.Combine(start.Folder, "root");
        var image = start.Spec.Text("image")!;
        List<Mount> mounts = [.. _images.UnpackAsync(image, root).GetAwaiter().GetResult(), .. start.Mounts];
        var command = start.Command(["sh"]);
        if (!IsThere(command[0], root, mounts))
        {
            throw new StartRefusedException(
                $"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
                    + $"unable to start container process: error during container init: exec: \"{command[0]}\": stat "
                    + $"{command[0]}: no such file or directory"
            );
        }

        var group = MemoryGroup.Make(start.Spec);
        if (group is not null)
        {
            mounts.Add(new(group.InContainer, group.Folder, IsReadOnly: true));
        }

        var list = Path.Combine(start.Folder, "mounts");
        File.WriteAllLines(list, mounts.Select(m => $"{m.Source}|{m.Path}|{(m.IsReadOnly ? "ro" : "rw")}"));
        var process = new ProcessStartInfo(
            "unshare",
            [
                "--mount",
                "--pid",
                "--uts",
                "--fork",
                "--kill-child",
                "/bin/sh",
                "-c",
                Setup,
                "setup",
                root,
                list,
                group?.Folder ?? "",
                start.Environment["HOSTNAME"],
                .. Become(start, root),
                .. command,
            ]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new Running(System.Diagnostics.Process.Start(process)!, group, start.Write);
    }

    /// <summary>
    /// Only the manifest's environment; its user and groups, and no privileges for users other than root.
    /// </summary>
    private static IEnumerable<string> Become(ContainerStart start, string root)
    {
        yield return "/usr/bin/env";
        yield return "-i";
        yield return $"PATH={string.Join(':', SearchPath)}";
        foreach (var (name, value) in start.Environment)
        {
            yield return $"{name}={value}";
        }

        var context = start.Pod.At("spec", "securityContext");
        var user = start.Spec.Number("securityContext", "runAsUser") ?? context.Number("runAsUser");
        if (start.Spec.At("securityContext", "allowPrivilegeEscalation")?.GetValue<bool>() == false)
        {
            yield return "/usr/bin/setpriv";
            yield return "--no-new-privs";
        }

        yield return "/usr/sbin/chroot";
        if (user is not null)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"--userspec={user}:{context.Number("runAsGroup") ?? 0}");
            yield return string.Create(CultureInfo.InvariantCulture, $"--groups={context.Number("fsGroup") ?? 0}");
        }

        yield return root;
    }

    /// <summary>In the root folder, or behind one of the mounts.</summary>
    private static bool IsThere(string program, string root, IReadOnlyList<Mount> mounts)
    {
        return program.StartsWith('/') ? Exists(program) : SearchPath.Any(p => Exists($"{p}/{program}"));

        bool Exists(string path)
        {
            var mount = mounts
                .Where(m => path == m.Path || path.StartsWith(m.Path + "/", StringComparison.Ordinal))
                .MaxBy(m => m.Path.Length);
            // A link of the image, such as /bin to usr/bin, may lead into a mount.
            var folder = new DirectoryInfo(Path.Combine(root, Path.GetDirectoryName(path)!.TrimStart('/')));
            return mount is not null ? File.Exists(mount.Source + path[mount.Path.Length..])
                : folder.LinkTarget is { } target ? Exists($"/{target.TrimStart('/')}/{Path.GetFileName(path)}")
                : File.Exists(Path.Combine(root, path.TrimStart('/')))
                    || new FileInfo(Path.Combine(root, path.TrimStart('/'))).LinkTarget is not null;
        }
    }

    private sealed class Running : IContainer
    {
        private readonly System.Diagnostics.Process _process;
        private readonly MemoryGroup? _group;
        private volatile bool _killed;

        public Running(System.Diagnostics.Process process, MemoryGroup? group, Action<string> write)
        {
            (_process, _group) = (process, group);
            ContainerOutput.Follow(process, write);
            End = EndAsync();
        }

        public Task<ContainerEnd> End { get; }

        public void Signal(string name)
        {
            _killed |= name == "KILL";
            try
            {
                // The container's first process, with which all others end.
                var first = File.ReadAllText($"/proc/{_process.Id}/task/{_process.Id}/children").Trim();
                if (first.Length > 0)
                {
                    using var kill = System.Diagnostics.Process.Start(
                        new ProcessStartInfo("kill", [$"-{name}", first]) { RedirectStandardError = true }
                    )!;
                    kill.WaitForExit();
                }
            }
            catch (IOException)
            {
                // It has ended.
            }
        }

        private async Task<ContainerEnd> EndAsync()
        {
            var exit = _process.WaitForExitAsync();
            while (_group is not null && !exit.IsCompleted)
            {
                // Kubelets have the kernel kill the whole container when it is out of memory (memory.oom.group).
                await Task.WhenAny(exit, Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System));
                if (_group.Kills > 0 && !_killed)
                {
                    Signal("KILL");
                }
            }

            await exit;
            var outOfMemory = _group?.Kills > 0;
            _group?.Remove();
            // A process that is killed at once is reported by unshare as its own failure.
            return new(_process.ExitCode == 1 && (outOfMemory || _killed) ? 137 : _process.ExitCode, outOfMemory);
        }
    }
}
