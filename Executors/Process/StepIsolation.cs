namespace Shipinator.Executors.Process;

/// <summary>Whether steps can run as users of their own here, and what is missing when they can't.</summary>
internal static class StepIsolation
{
    private const UnixFileMode Others = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const string OtherFix =
        "or set Shipinator:Process:RunAsServerUser to true if everybody who may push may act as root on this machine.";

    /// <summary>Makes the folders ready and starts a runner once. Null when all is well, else a sentence with the fix.</summary>
    public static string? Check(ProcessExecutorOptions options, TimeProvider time)
    {
        try
        {
            if (new StepUsers(options, time).Trouble() is { } range)
            {
                return range;
            }

            OpenFolders(options);
            if (FirstClosed(options.Root) is { } closed)
            {
                return $"Shipinator:Process:WorkFolder is '{options.Root}', and steps, which run as users of their own because the server is root, can't pass through {closed}: choose a folder such as /var/lib/shipinator/work whose parents others may pass through (chmod o+x), {OtherFix}";
            }

            var program = RunnerProgram.Install(options);
            if (program.DotnetRoot is { } dotnet && FirstClosed(Path.Combine(dotnet, "shared")) is { } hidden)
            {
                return $".NET lies in {dotnet}, and steps, which run as users of their own because the server is root, can't pass through {hidden}: install .NET where others may read it (/usr/share/dotnet, for instance), or set Shipinator:Process:RunnerPath to the static runner (Runner/publish-static.sh), {OtherFix}";
            }

            var failure = program.ProbeAsync(options.FirstUserId, CancellationToken.None).GetAwaiter().GetResult();
            return failure is null
                ? null
                : $"The server is root, so steps run as users of their own, and the runner can't be started as user {options.FirstUserId}: {failure} Needed are 'setpriv' (util-linux), the capabilities SETUID, SETGID and CHOWN, a file system without 'noexec' at {options.MachineFolder}, and in a user namespace a range of ids that it has (/proc/self/uid_map, Shipinator:Process:FirstUserId); {OtherFix}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"The server is root, so steps run as users of their own, and what they need can't be prepared: {e.Message} Mend that, {OtherFix}";
        }
    }

    /// <summary>The folders that step users pass through and root alone changes. Errors: <see cref="IOException"/>.</summary>
    public static void OpenFolders(ProcessExecutorOptions options)
    {
        foreach (var folder in (string[])[options.MachineFolder, options.Root])
        {
            Directory.CreateDirectory(folder);
            var now = Unix.Look(folder)!.Value;
            if (!now.IsFolder || now.User != 0 || (now.Mode & Others) != 0)
            {
                throw new IOException($"{folder} must be a folder that belongs to root and that nobody else can write to.");
            }

            // To be passed through; that the jobs' folders can't be listed either is for their names.
            var wanted = folder == options.Root ? WorkerFolder.Passable : now.Mode | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
            if (now.Mode != wanted)
            {
                File.SetUnixFileMode(folder, wanted);
            }
        }
    }

    /// <summary>The highest folder on the way that others may not pass through; null when they may all the way.</summary>
    private static string? FirstClosed(string folder)
    {
        string? closed = null;
        for (var at = folder; at is not null; at = Path.GetDirectoryName(at))
        {
            if (Directory.Exists(at) && !File.GetUnixFileMode(at).HasFlag(UnixFileMode.OtherExecute))
            {
                closed = at;
            }
        }

        return closed;
    }
}
