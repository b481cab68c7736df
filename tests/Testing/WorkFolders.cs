using System.Security.Cryptography;
using System.Text;

namespace Shipinator.Testing;

/// <summary>
/// The folders in which a server that is root runs its jobs: outside its data folder, so that they stay when a test deletes that.
/// </summary>
public static class WorkFolders
{
    /// <summary>Removes the one of a server with this data folder, as <c>ProcessExecutorOptions.OwnWorkFolder</c> names it.</summary>
    public static void Remove(string dataFolder)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(dataFolder))))[..8];
        var folder = $"/var/lib/shipinator/work-{hash}";
        try
        {
            if (Environment.IsPrivilegedProcess && Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A server that a failed test left behind may still write to it.
        }
    }
}
