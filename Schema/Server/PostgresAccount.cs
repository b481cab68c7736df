using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace Shipinator.Schema.Server;

/// <summary>The unprivileged user that the server runs as when we are root, which PostgreSQL refuses to be.</summary>
internal sealed class PostgresAccount
{
    private const string Elsewhere = "/var/lib/shipinator";
    private readonly string _uid;
    private readonly string _gid;

    private PostgresAccount(string uid, string gid)
    {
        _uid = uid;
        _gid = gid;
    }

    /// <summary>What a command line begins with to run as this user.</summary>
    public IReadOnlyList<string> Prefix => ["setpriv", $"--reuid={_uid}", $"--regid={_gid}", "--clear-groups", "--"];

    /// <summary>
    /// Null when we are not root. Errors: <see cref="InvalidInputException"/> <c>postgres_user</c> when there is nobody to be.
    /// </summary>
    public static PostgresAccount? ForThisProcess()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return null;
        }

        var users = File.ReadAllLines("/etc/passwd").Select(l => l.Split(':')).Where(f => f.Length > 3).ToLookup(f => f[0], StringComparer.Ordinal);
        foreach (var name in (string[])["postgres", "nobody"])
        {
            if (users[name].FirstOrDefault() is { } user && int.Parse(user[2], CultureInfo.InvariantCulture) != 0)
            {
                return new(user[2], user[3]);
            }
        }

        throw new InvalidInputException(
            "postgres_user", "PostgreSQL can't run as root, and there is neither a user 'postgres' nor 'nobody' to run it as. Start Shipinator as another user.");
    }

    /// <summary>
    /// The folder itself when this user can get to it; else (it lies below a home that is closed to others, such as
    /// <c>/root</c>) one below <c>/var/lib/shipinator</c>, with a link to it where the folder should be.
    /// </summary>
    public static string Place(string folder)
    {
        if (new DirectoryInfo(folder).LinkTarget is not null && Directory.ResolveLinkTarget(folder, returnFinalTarget: true) is { } target)
        {
            return target.FullName;
        }

        if (IsReachable(folder))
        {
            return folder;
        }

        if (Directory.Exists(folder))
        {
            if (Directory.EnumerateFileSystemEntries(folder).Any())
            {
                throw new InvalidInputException(
                    "postgres_user",
                    $"PostgreSQL can't run as root, and the user that it runs as can't get to {folder}. Move what is in it away, or choose a folder that others may pass through.");
            }

            Directory.Delete(folder);
        }

        // The link alone names it: a folder that was removed and made again begins anew.
        var place = Path.Combine(Elsewhere, "postgres-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)));
        Directory.CreateDirectory(place);
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        Directory.CreateSymbolicLink(folder, place);
        return place;
    }

    private static bool IsReachable(string folder)
    {
        for (var above = Path.GetDirectoryName(folder); above is not null; above = Path.GetDirectoryName(above))
        {
            if (!OperatingSystem.IsWindows() && Directory.Exists(above) && !File.GetUnixFileMode(above).HasFlag(UnixFileMode.OtherExecute))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Gives a file or folder to this user; those above must let it through.</summary>
    public void Own(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("chown", [$"{_uid}:{_gid}", path]) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidInputException("postgres_user", $"{path} can't be given to the user that runs PostgreSQL: {error.Trim()}");
        }
    }
}
