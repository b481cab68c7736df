namespace Shipinator.Executors.Process;

/// <summary>Whether steps can run as separate users on this machine, and what is missing when they can't.</summary>
internal static class StepIsolation
{
    private const UnixFileMode Others = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const string OtherFix =
        "or set Shipinator:Process:RunAsServerUser to true if everyone who may push may act as root on this machine.";

    /// <summary>Prepares the folders and starts a runner once. Null when that works; else the problem and its fix.</summary>
    public static string? Check(ProcessExecutorOptions options, TimeProvider time)
    {
        try
        {
            if (new StepUsers(options, time).RangeConflict() is { } conflict)
            {
                return conflict;
            }

            PrepareFolders(options);
            if (FirstInaccessible(options.Root) is { } inaccessible)
            {
                return $"{ProcessSettingKeys.WorkFolder} is '{options.Root}', but steps, which run as separate users because "
                    + $"the server is root, can't pass through {inaccessible}: choose a folder such as /var/lib/shipinator/work whose "
                    + $"parents others may pass through (chmod o+x), {OtherFix}";
            }

            var program = RunnerProgram.Install(options);
            if (program.DotnetRoot is { } dotnet && FirstInaccessible(Path.Combine(dotnet, "shared")) is { } inaccessibleDotnet)
            {
                return $".NET is installed in {dotnet}, but steps, which run as separate users because the server is root, can't pass "
                    + $"through {inaccessibleDotnet}: install .NET where others may read it (for example /usr/share/dotnet), or set "
                    + $"{ProcessSettingKeys.RunnerPath} to the static runner (Runner/publish-static.sh), {OtherFix}";
            }

            var failure = program.ProbeAsync(options.FirstUserId, CancellationToken.None).GetAwaiter().GetResult();
            return failure is null
                ? null
                : $"The server is root, so steps run as separate users, but the runner could not be started as user "
                    + $"{options.FirstUserId}: {failure} This needs 'setpriv' (util-linux), the capabilities SETUID, SETGID and CHOWN, a "
                    + $"file system without 'noexec' at {options.MachineFolder}, and in a user namespace a range of ids that it maps "
                    + $"(/proc/self/uid_map, {ProcessSettingKeys.FirstUserId}); {OtherFix}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"The server is root, so steps run as separate users, but what they need could not be prepared: "
                + $"{e.Message} Fix that, {OtherFix}";
        }
    }

    /// <summary>Prepares the folders that step users pass through and only root changes. Errors: <see cref="IOException"/>.</summary>
    public static void PrepareFolders(ProcessExecutorOptions options)
    {
        foreach (var folder in (string[])[options.MachineFolder, options.Root])
        {
            Directory.CreateDirectory(folder);
            var now = Unix.Stat(folder)!.Value;
            if (!now.IsFolder || now.User != 0 || (now.Mode & Others) != 0)
            {
                throw new IOException($"{folder} must be a folder that belongs to root and that no one else can write to.");
            }

            // Others may pass through, but not list the jobs' folders and so learn their names.
            var wanted = folder == options.Root ? WorkerFolder.Passable : now.Mode | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
            if (now.Mode != wanted)
            {
                File.SetUnixFileMode(folder, wanted);
            }
        }
    }

    /// <summary>The topmost folder of a path that others may not pass through; null when there is none.</summary>
    private static string? FirstInaccessible(string folder)
    {
        string? inaccessible = null;
        for (var at = folder; at is not null; at = Path.GetDirectoryName(at))
        {
            if (Directory.Exists(at) && !File.GetUnixFileMode(at).HasFlag(UnixFileMode.OtherExecute))
            {
                inaccessible = at;
            }
        }

        return inaccessible;
    }
}
