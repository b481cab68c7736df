namespace Shipinator.Testing;

/// <summary>
/// Temporary folders for servers that start their own PostgreSQL. When tests run as root, PostgreSQL runs as another user: it can't enter a
/// folder that is open to its owner alone, so its data would go elsewhere and remain when the folder is deleted.
/// </summary>
public static class PassableFolder
{
    private const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Creates a folder that others may traverse but not list; returns its path.</summary>
    public static string Create(string prefix)
    {
        var folder = Directory.CreateTempSubdirectory(prefix).FullName;
        File.SetUnixFileMode(folder, Passable);
        return folder;
    }
}
