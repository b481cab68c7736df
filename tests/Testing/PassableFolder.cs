namespace Shipinator.Testing;

/// <summary>
/// Temporary folders for servers with a PostgreSQL of their own. Started by root, that runs as another user, who may not enter what is
/// the owner's alone: then the data would be placed elsewhere, and stay when the folder is deleted.
/// </summary>
public static class PassableFolder
{
    private const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Its path. Others may pass through it, not see what is in it.</summary>
    public static string Create(string prefix)
    {
        var folder = Directory.CreateTempSubdirectory(prefix).FullName;
        File.SetUnixFileMode(folder, Passable);
        return folder;
    }
}
