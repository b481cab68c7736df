using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Containers as plain processes of this machine, without root: paths of mounts in their commands and variables are replaced by
/// the folders behind them. Every image is the machine itself with a few more programs.
/// </summary>
internal sealed class HostContainers(string programs) : IContainers
{
    /// <summary>The variable by which a container's processes are found, whatever happens to their parents.</summary>
    private const string Mark = "FAKE_CONTAINER";

    public string? Refuse(string image, JsonObject pod) =>
        image.Contains("none", StringComparison.Ordinal)
            ? $"rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve image: {image}: not found"
            : null;

    public IContainer Start(ContainerStart start)
    {
        string Map(string text) =>
            start
                .Mounts.OrderByDescending(m => m.Path.Length)
                .FirstOrDefault(m => text == m.Path || text.StartsWith(m.Path + "/", StringComparison.Ordinal))
                is { } mount
                ? mount.Source + text[mount.Path.Length..]
                : text;
        var command = start.Command(["true"]).Select(Map).ToList();
        Directory.CreateDirectory(start.Folder);
        var process = new ProcessStartInfo(command[0])
        {
            WorkingDirectory = start.Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        command.Skip(1).ToList().ForEach(process.ArgumentList.Add);
        process.Environment.Clear();
        foreach (var known in new[] { "HOME", "DOTNET_ROOT", "LANG" }.Where(k => Environment.GetEnvironmentVariable(k) is not null))
        {
            process.Environment[known] = Environment.GetEnvironmentVariable(known);
        }

        process.Environment["PATH"] = $"{programs}:{Environment.GetEnvironmentVariable("PATH")}";
        process.Environment["DOTNET_TieredCompilation"] = "1";
        foreach (var (name, value) in start.Environment)
        {
            process.Environment[name] = Map(value);
        }

        process.Environment["SHIPINATOR_TERMINATION_LOG"] = Map("/dev/termination-log");
        var mark = process.Environment[Mark] = Guid.CreateVersion7().ToString("N");
        try
        {
            return new Running(System.Diagnostics.Process.Start(process)!, $"{Mark}={mark}", start.Write);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new StartRefusedException(
                $"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
                    + $"unable to start container process: exec: \"{command[0]}\": stat {command[0]}: no such file or directory"
            );
        }
    }

    private sealed class Running : IContainer
    {
        private readonly System.Diagnostics.Process _process;
        private readonly string _mark;

        public Running(System.Diagnostics.Process process, string mark, Action<string> write)
        {
            (_process, _mark) = (process, mark);
            ContainerOutput.Follow(process, write);
            End = EndAsync();
        }

        public Task<ContainerEnd> End { get; }

        public void Signal(string name)
        {
            if (name == "KILL")
            {
                All().ForEach(p => Send(p, name));
            }
            else if (!_process.HasExited)
            {
                Send(_process.Id, name);
            }
        }

        private async Task<ContainerEnd> EndAsync()
        {
            // Not the end of its output: leftover processes may hold that open.
            var exited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _process.EnableRaisingEvents = true;
            _process.Exited += (_, _) => exited.TrySetResult();
            if (_process.HasExited)
            {
                exited.TrySetResult();
            }

            await exited.Task;
            // A container's other processes end with its first one.
            All().ForEach(p => Send(p, "KILL"));
            await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System));
            return new(_process.ExitCode, OutOfMemory: false);
        }

        private List<int> All()
        {
            var found = new List<int>();
            foreach (var folder in Directory.EnumerateDirectories("/proc"))
            {
                try
                {
                    if (
                        int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                        && File.ReadAllText(Path.Combine(folder, "environ")).Split('\0').Contains(_mark)
                    )
                    {
                        found.Add(id);
                    }
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // Another user's process, or one that has ended.
                }
            }

            return found;
        }

        private static void Send(int process, string signal)
        {
            using var kill = System.Diagnostics.Process.Start(
                new ProcessStartInfo("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)])
                {
                    RedirectStandardError = true,
                }
            )!;
            kill.WaitForExit();
        }
    }
}
