using Microsoft.Win32.SafeHandles;

namespace Shipinator.Runner;

/// <summary>A command in its own process group, with its output as one stream in order of arrival.</summary>
internal sealed class ChildProcess
{
    private static readonly TimeSpan OutputTimeout = TimeSpan.FromSeconds(2);
    private readonly int _pid;
    private readonly Task<int> _exit;
    private readonly Task _output;

    private ChildProcess(int pid, SafeFileHandle output, Action<ReadOnlyMemory<byte>> sink)
    {
        _pid = pid;
        _exit = Task.Factory.StartNew(
            () => Native.WaitForExit(pid),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
        _output = Task.Factory.StartNew(
            () => Pump(output, sink),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
    }

    /// <summary>
    /// Starts a program found on the environment's <c>PATH</c>. Errors: <see cref="CommandNotStartedException"/> with the exit
    /// code that a shell would give (127 not found, 126 not executable), <see cref="CommandTooLongException"/>.
    /// </summary>
    public static ChildProcess Start(
        IReadOnlyList<string> command,
        IReadOnlyDictionary<string, string> environment,
        string folder,
        Action<ReadOnlyMemory<byte>> sink
    )
    {
        var file =
            Find(command[0], environment.GetValueOrDefault("PATH"), folder)
            ?? throw new CommandNotStartedException(127, $"Command not found: {command[0]}");
        CommandTooLongException.ThrowIfTooLong(command, environment);
        var (read, write) = Native.Pipe();
        int error,
            pid;
        try
        {
            error = Native.Spawn(file, [.. command], [.. environment.Select(e => $"{e.Key}={e.Value}")], folder, write, out pid);
        }
        finally
        {
            _ = Native.Close(write);
        }

        var output = new SafeFileHandle(read, ownsHandle: true);
        if (error != 0)
        {
            output.Dispose();
            if (error == CommandTooLongException.ArgumentListTooLong)
            {
                throw CommandTooLongException.OfAll(command, environment);
            }

            throw new CommandNotStartedException(
                error == 2 ? 127 : 126,
                error switch
                {
                    2 => $"Command not found: {file} (or its interpreter, or the folder {folder})",
                    8 => $"Not an executable for this machine: {file}",
                    13 => $"Permission denied: {file}",
                    _ => $"{file} can't be started (error {error})",
                }
            );
        }

        return new(pid, output, sink);
    }

    /// <summary>
    /// Returns the exit code, once the output is complete. Processes that the command left running in its group are killed:
    /// nothing of a step outlives it.
    /// </summary>
    public async Task<int> WaitAsync(TimeProvider time)
    {
        var code = await _exit;
        Signal(Native.SigKill);
        // A process that left the group may hold the output open forever; its output no longer belongs to the step.
        await Task.WhenAny(_output, Task.Delay(OutputTimeout, time));
        return code;
    }

    /// <summary>SIGTERM to the whole group; SIGKILL after the grace period.</summary>
    public async Task StopAsync(TimeSpan grace, TimeProvider time)
    {
        Signal(Native.SigTerm);
        await Task.WhenAny(_exit, Task.Delay(grace, time));
        Signal(Native.SigKill);
    }

    private void Signal(int signal) => _ = Native.Kill(-_pid, signal);

    private static void Pump(SafeFileHandle handle, Action<ReadOnlyMemory<byte>> sink)
    {
        using (handle)
        using (var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0))
        {
            var buffer = new byte[64 * 1024];
            int read;
            while ((read = stream.Read(buffer)) > 0)
            {
                sink(buffer.AsMemory(0, read));
            }
        }
    }

    private static string? Find(string name, string? path, string folder)
    {
        if (name.Contains('/'))
        {
            return Path.GetFullPath(name, folder);
        }

        return (path ?? "/usr/local/bin:/usr/bin:/bin")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => Path.Combine(p, name))
            .FirstOrDefault(File.Exists);
    }
}

/// <summary>The command could not be started.</summary>
internal sealed class CommandNotStartedException(int exitCode, string message) : Exception(message)
{
    /// <summary>The code that a shell would give: 126 or 127.</summary>
    public int ExitCode { get; } = exitCode;
}
