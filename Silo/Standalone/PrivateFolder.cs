namespace Shipinator.Silo.Standalone;

/// <summary>Creates folders that only their owner can access.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Creates a folder or makes an existing one private. If it belongs to another user, such as a mounted volume, that is only a warning:
    /// its subfolders are private on their own. Errors: <see cref="StartupException"/> for a shared folder such as <c>/tmp</c>.
    /// </summary>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, OwnerOnly);
            // The umask may have removed permissions of the owner.
            File.SetUnixFileMode(path, OwnerOnly);
            return;
        }

        var mode = File.GetUnixFileMode(path);
        if (mode == OwnerOnly)
        {
            return;
        }

        if (mode.HasFlag(UnixFileMode.StickyBit) || IsSystemFolder(path))
        {
            throw new StartupException(
                $"{path} is a shared folder and can't be the data folder, because that is made private. "
                    + "Choose another folder with --data, such as a subfolder."
            );
        }

        try
        {
            File.SetUnixFileMode(path, OwnerOnly);
        }
        catch (UnauthorizedAccessException)
        {
            Console.Error.WriteLine(
                $"shipinator: {path} belongs to another user and can't be made private (mode {Convert.ToString((int)mode, 8)}); "
                    + "its subfolders are private."
            );
        }
    }

    /// <summary>Whether it is the root, a home folder, or a folder of the system.</summary>
    private static bool IsSystemFolder(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.GetDirectoryName(full) is null or "/"
                && full
                    is "/"
                        or "/bin"
                        or "/boot"
                        or "/dev"
                        or "/etc"
                        or "/home"
                        or "/lib"
                        or "/media"
                        or "/mnt"
                        or "/opt"
                        or "/proc"
                        or "/root"
                        or "/run"
                        or "/sbin"
                        or "/srv"
                        or "/sys"
                        or "/tmp"
                        or "/usr"
                        or "/var"
            || full == Path.TrimEndingDirectorySeparator(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));
    }
}
