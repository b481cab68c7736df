using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The images of a registry on this machine: one with only busybox, one with all programs of this
/// machine (including git), a private busybox that needs a pull secret, and one with a single program and no shell.
/// </summary>
internal sealed partial class MachineImages(string folder)
{
    public const string Busybox = "registry.test/busybox:1";
    public const string Tools = "registry.test/tools:1";
    public const string Private = "registry.test/private/busybox:1";
    public const string Bare = "registry.test/bare:1";

    /// <summary>An address at which no registry listens.</summary>
    private const string Nobody = "127.0.0.1:1";
    private static readonly string[] Folders =
    [
        "bin",
        "dev",
        "etc",
        "proc",
        "root",
        "run",
        "sys",
        "tmp",
        "var/tmp",
        "usr/bin",
        "usr/sbin",
        "sbin",
        "lib",
        "lib64",
    ];
    private static readonly string[] SystemPaths = ["usr", "bin", "sbin", "lib", "lib64", "etc/alternatives", "etc/ssl"];

    /// <summary>Why a pod can't pull it; null when it can.</summary>
    public static string? Refuse(string image, JsonObject pod, Func<string, bool> opens) =>
        !Name().IsMatch(image)
            ? $"InvalidImageName Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid "
                + "reference format"
        : image is Busybox or Tools or Bare ? null
        : image == Private
            ? pod.Items("spec", "imagePullSecrets").Select(s => s.Text("name")).OfType<string>().Any(opens) ? null
                : $"failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": pull access denied, "
                    + "repository does not exist or may require authorization: authorization failed: no basic auth credentials"
        : image.StartsWith(Nobody + "/", StringComparison.Ordinal)
            ? $"failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to do request: "
                + $"Head \"http://{Nobody}/v2/{image[(Nobody.Length + 1)..image.LastIndexOf(':')]}/manifests/"
                + $"{image[(image.LastIndexOf(':') + 1)..]}\": dial tcp {Nobody}: connect: connection refused"
        : $"failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found";

    /// <summary>A container's own copy of the image, and the folders of this machine that are mounted in addition.</summary>
    public async Task<IReadOnlyList<Mount>> UnpackAsync(string image, string root)
    {
        foreach (var name in Folders)
        {
            Directory.CreateDirectory(Path.Combine(root, name));
        }

        foreach (var name in new[] { "tmp", "var/tmp", "run" })
        {
            File.SetUnixFileMode(Path.Combine(root, name), (UnixFileMode)0b111_111_111 | UnixFileMode.StickyBit);
        }

        await File.WriteAllTextAsync(
            Path.Combine(root, "etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
        );
        await File.WriteAllTextAsync(Path.Combine(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
        if (image == Bare)
        {
            File.Copy("/bin/busybox", Path.Combine(root, "bin", "true"));
            return [];
        }

        if (image != Tools)
        {
            await FillAsync();
            await RunAsync("cp", "-a", Path.Combine(folder, "busybox", "."), Path.Combine(root, "bin"));
            return [];
        }

        var mounts = new List<Mount>();
        foreach (var name in SystemPaths)
        {
            var (here, there) = (Path.Combine("/", name), Path.Combine(root, name));
            if (new DirectoryInfo(here) is { LinkTarget: { } target })
            {
                Directory.Delete(there);
                Directory.CreateSymbolicLink(there, target);
            }
            else if (Directory.Exists(here))
            {
                mounts.Add(new(Path.Combine("/", name), here, IsReadOnly: true));
            }
        }

        return mounts;
    }

    /// <summary>One program and a link for each of its names.</summary>
    private async Task FillAsync()
    {
        var bin = Path.Combine(folder, "busybox");
        if (File.Exists(Path.Combine(bin, "sh")))
        {
            return;
        }

        var making = bin + "." + Guid.CreateVersion7().ToString("N");
        Directory.CreateDirectory(making);
        File.Copy("/bin/busybox", Path.Combine(making, "busybox"));
        foreach (
            var name in (await RunAsync("/bin/busybox", "--list"))
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(n => n != "busybox")
        )
        {
            File.CreateSymbolicLink(Path.Combine(making, name), "busybox");
        }

        try
        {
            Directory.Move(making, bin);
        }
        catch (IOException)
        {
            // Another container was faster.
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }

    [GeneratedRegex(@"^[a-z0-9.:-]+(/[a-z0-9._-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$")]
    private static partial Regex Name();
}
