namespace Shipinator.Silo.Standalone;

/// <summary>Folders that nobody but their owner may enter.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Makes it, or closes one that was open to others. Where that is refused, since it is another user's (a mounted volume,
    /// perhaps), it is told, not an error: what is below it is closed by itself. Errors: <see cref="StartupException"/> when it is
    /// a folder for everybody, such as <c>/tmp</c>.
    /// </summary>
    public static void Make(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, OwnerOnly);
            // The mask of the process may have taken away what the owner needs.
            File.SetUnixFileMode(path, OwnerOnly);
            return;
        }

        var mode = File.GetUnixFileMode(path);
        if (mode == OwnerOnly)
        {
            return;
        }

        if (mode.HasFlag(UnixFileMode.StickyBit) || IsMuchElse(path))
        {
            throw new StartupException(
                $"The data folder {path} is not Shipinator's alone, and it would be closed to others: choose another with --data, one below it for instance."
            );
        }

        try
        {
            File.SetUnixFileMode(path, OwnerOnly);
        }
        catch (UnauthorizedAccessException)
        {
            Console.Error.WriteLine(
                $"shipinator: {path} belongs to another user and can't be closed to others (its mode is {Convert.ToString((int)mode, 8)}): what is made below it is."
            );
        }
    }

    /// <summary>A folder that others live in: the root, a home, a folder of the system.</summary>
    private static bool IsMuchElse(string path)
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
